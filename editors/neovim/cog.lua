-- The language server of cog for Neovim 0.7 or newer: put this file into ~/.config/nvim/plugin/.
-- It needs `cogc` on the PATH. From 0.9 on, names and keywords are highlighted by the server's semantic tokens.

vim.filetype.add({ extension = { cog = 'cog' } })
if not vim.fs then -- before 0.8 that is an option
  vim.api.nvim_create_autocmd({ 'BufRead', 'BufNewFile' }, { pattern = '*.cog', command = 'setfiletype cog' })
end

vim.api.nvim_create_autocmd('FileType', {
  pattern = 'cog',
  callback = function(event)
    vim.bo[event.buf].commentstring = '# %s'
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
  end,
})

local server = {
  name = 'cogc',
  cmd = { 'cogc', 'lsp' },
  filetypes = { 'cog', 'yaml' },
  root_markers = { 'cogc.toml', 'pyproject.toml', '.git' },
}

if vim.lsp.config then
  vim.lsp.config('cogc', server)
  vim.lsp.enable('cogc')
else -- before 0.11: one client for all buffers
  local client
  vim.api.nvim_create_autocmd('FileType', {
    pattern = server.filetypes,
    callback = function(event)
      client = client or vim.lsp.start_client({ name = server.name, cmd = server.cmd, root_dir = vim.fn.getcwd() })
      if client then
        vim.lsp.buf_attach_client(event.buf, client)
      end
    end,
  })
end
