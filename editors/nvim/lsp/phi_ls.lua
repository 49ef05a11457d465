-- phi-ls for Neovim's built-in client, in the form of nvim-lspconfig: `vim.lsp.enable('phi_ls')` reads it when this
-- folder is on the runtimepath, or copy it to ~/.config/nvim/lsp/.

---@type vim.lsp.Config
return {
  cmd = { 'phi-ls', 'serve' },
  root_markers = { 'phi-ls.toml', '.git' },
  -- Every file type: a file without a known language is completed as plain text.
  settings = { ['phi-ls'] = vim.empty_dict() },
}
