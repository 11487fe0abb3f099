;;; cog-mode.el --- a mode for the cog language  -*- lexical-binding: t -*-

;; Put this file and cog-words.el into a folder of `load-path', and (require 'cog-mode) into the init file.
;; `M-x eglot' starts the language server; it needs `cogc' on the PATH.

;;; Code:

(require 'cog-words)

(defvar cog-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?_ "w" table)
    table)
  "The syntax of the cog language.")

(defvar cog-font-lock-keywords
  `((,(regexp-opt cog-constants 'words) . font-lock-constant-face)
    (,(concat (regexp-opt cog-functions 'words) "(") 1 font-lock-builtin-face)
    (,(regexp-opt cog-types 'words) . font-lock-type-face)
    ("\\_<\\([A-Za-z_][A-Za-z0-9_]*\\)\\??:" 1 font-lock-variable-name-face)
    (,(regexp-opt cog-keywords 'words) . font-lock-keyword-face))
  "The highlighting of the cog language.")

(defun cog-indent-line ()
  "Indent the line by two columns for each bracket that is open before it."
  (interactive)
  (let* ((closing (save-excursion (back-to-indentation) (looking-at "[])}]")))
         (depth (save-excursion (back-to-indentation) (car (syntax-ppss))))
         (column (max 0 (* 2 (if closing (1- depth) depth)))))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

;;;###autoload
(define-derived-mode cog-mode prog-mode "cog"
  "A mode for systems of agents in the cog language."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+ *")
  (setq-local indent-line-function #'cog-indent-line)
  (setq-local font-lock-defaults '(cog-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.cog\\'" . cog-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(cog-mode . ("cogc" "lsp"))))

(provide 'cog-mode)
;;; cog-mode.el ends here
