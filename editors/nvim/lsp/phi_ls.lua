-- phi-ls for Neovim's built-in client, as in nvim-lspconfig: `vim.lsp.enable('phi_ls')` reads it if this folder is on the
-- runtimepath. Or copy it to ~/.config/nvim/lsp/.

---@param buffer integer
local function place_of(buffer)
  return { buffer, vim.api.nvim_buf_get_changedtick(buffer), vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0) }
end

---`vim.lsp.inline_completion` draws answers for text that has changed since, keeps a suggestion on the screen while other
---text is typed, and then accepts it in the middle of that text. This drops such answers, and hides a suggestion after the
---first change or move; the next answer restores its rest.
---@param client vim.lsp.Client
local function drop_stale_suggestions(client)
  ---@type table<integer, { place: table, hide: fun() }>
  local shown = {}
  local request = client.request
  client.request = function(self, method, params, handler, buffer)
    if method ~= 'textDocument/inlineCompletion' or not handler or not buffer then
      return request(self, method, params, handler, buffer)
    end
    local place = place_of(buffer)
    return request(self, method, params, function(err, result, context, config)
      if not vim.api.nvim_buf_is_valid(buffer) or not vim.deep_equal(place, place_of(buffer)) then
        return
      end
      local function hide()
        handler(nil, { items = {} }, context)
      end
      shown[buffer] = { place = place, hide = hide }
      return handler(err, result, context, config)
    end, buffer)
  end
  ---@param buffer integer
  local function drop_if_stale(buffer)
    local suggestion = shown[buffer]
    if suggestion and not vim.deep_equal(suggestion.place, place_of(buffer)) then
      shown[buffer] = nil
      suggestion.hide()
    end
  end
  vim.api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = vim.api.nvim_create_augroup('phi-ls.stale', {}),
    callback = function(event)
      drop_if_stale(event.buf)
    end,
  })
  -- For keys that are read together, the events come only after the last one.
  local get = vim.lsp.inline_completion.get
  vim.lsp.inline_completion.get = function(opts)
    opts = opts or {}
    local buffer = opts.bufnr and opts.bufnr ~= 0 and opts.bufnr or vim.api.nvim_get_current_buf()
    drop_if_stale(buffer)
    local suggestion = shown[buffer]
    return get(vim.tbl_extend('force', opts, {
      on_accept = function(item)
        if suggestion and not vim.deep_equal(suggestion.place, place_of(buffer)) then
          return nil
        end
        if opts.on_accept then
          return opts.on_accept(item)
        end
        return item
      end,
    }))
  end
end

---Runs the command of an accepted suggestion: moves the cursor to its position, if it has one (the empty line of a block),
---and notifies the server.
---@param command lsp.Command
---@param context { client_id: integer, bufnr: integer }
local function accepted(command, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local cursor = command.arguments[2] ---@type lsp.Position?
  if cursor and vim.api.nvim_get_current_buf() == context.bufnr then
    local line = vim.api.nvim_buf_get_lines(0, cursor.line, cursor.line + 1, false)[1]
    if line then
      local column = vim.str_byteindex(line, client.offset_encoding, cursor.character, false)
      vim.api.nvim_win_set_cursor(0, { cursor.line + 1, column })
    end
  end
  client:request('workspace/executeCommand', { command = command.command, arguments = command.arguments })
end

---@type vim.lsp.Config
return {
  cmd = { 'phi-ls', 'serve' },
  root_markers = { 'phi-ls.toml', '.git' },
  -- All file types: files in unknown languages are completed as plain text.
  settings = { ['phi-ls'] = vim.empty_dict() },
  on_init = drop_stale_suggestions,
  capabilities = { experimental = { cursorAfterAccept = true } },
  commands = { ['phi-ls.accepted'] = accepted },
}
