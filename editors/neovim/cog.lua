-- The language server of cog for Neovim 0.11 or newer: put this file into ~/.config/nvim/plugin/.
-- It needs `cogc` on the PATH. Names and keywords are highlighted by the server's semantic tokens.

vim.filetype.add({ extension = { cog = 'cog' } })

vim.api.nvim_create_autocmd('FileType', {
  pattern = 'cog',
  callback = function(event)
    vim.bo[event.buf].commentstring = '# %s'
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
  end,
})

vim.lsp.config('cogc', {
  cmd = { 'cogc', 'lsp' },
  filetypes = { 'cog', 'yaml' },
  root_markers = { 'cogc.toml', 'pyproject.toml', '.git' },
})
vim.lsp.enable('cogc')
