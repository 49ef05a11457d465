-- Ghost text: requests a suggestion after each change, draws it, and accepts it, whole or in parts.
--
-- Neovim's own vim.lsp.inline_completion keeps a suggestion on the screen while other text is typed, and accepts it some time
-- after the key. Here, a suggestion is drawn and accepted only if the text is unchanged since the request, or the typed text is
-- the start of the suggestion; then it shrinks.

local M = {}

local suggestions = require('phi-ls.suggestion')

local api = vim.api
local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2
---Faster keys share one request. The server decides when to run the model.
local DEBOUNCE_MS = 30

local namespace = api.nvim_create_namespace('phi-ls.inline_completion')
local timer = assert(vim.uv.new_timer())

---Whether suggestions are on; see `M.toggle`.
local enabled = true
---@type table<string, boolean> by file type; `*` means all others
local filetypes = {}
---@type phi-ls.Place? the latest request, unless it was dismissed
local asked
---@type phi-ls.Suggestion?
local suggestion
---Where a part was last accepted: the accepting key does not insert text there.
---@type { buffer: integer, tick: integer, row: integer, col: integer }?
local accepted

local function inserting()
  return vim.startswith(api.nvim_get_mode().mode, 'i')
end

---@param buffer integer
---@return vim.lsp.Client?
local function client_of(buffer)
  return vim.lsp.get_clients({ name = 'phi_ls', bufnr = buffer })[1]
end

---@param buffer integer
function M.is_enabled(buffer)
  local wanted = filetypes[vim.bo[buffer].filetype]
  if wanted == nil then
    wanted = filetypes['*'] ~= false
  end
  return enabled and wanted
end

---@param rest phi-ls.Rest
---@param hint? string
local function draw(rest, hint)
  local text, replaced = suggestions.insertion(rest)
  local col, position = rest.col, 'inline'
  if text and not text:find('\n') and vim.endswith(text, replaced) then
    -- A bracket that the editor closed stays in place.
    text = text:sub(1, #text - #replaced)
  elseif not text or replaced ~= '' then
    -- Draw all of the new text over the old text.
    position = 'overlay'
    col = text and rest.col or rest.first
    text = text or rest.text
  end
  local lines = vim.split(text, '\n', { plain = true })
  if position == 'overlay' then
    local old = api.nvim_buf_get_text(0, rest.row, col, rest.row, rest.last, {})[1]
    local same = suggestions.common_prefix(old, lines[1])
    old, lines[1], col = old:sub(same + 1), lines[1]:sub(same + 1), col + same
    lines[1] = lines[1] .. (' '):rep(vim.fn.strdisplaywidth(old) - vim.fn.strdisplaywidth(lines[1]))
  end
  local chunks = vim.tbl_map(function(line)
    return { { line, 'ComplHint' } }
  end, lines)
  if hint then
    table.insert(chunks[#chunks], { hint, 'ComplHintMore' })
  end
  api.nvim_buf_clear_namespace(0, namespace, 0, -1)
  api.nvim_buf_set_extmark(0, namespace, rest.row, col, {
    virt_text = chunks[1],
    virt_lines = vim.list_slice(chunks, 2),
    virt_text_pos = position,
    hl_mode = 'combine',
  })
end

local function drop()
  if suggestion and api.nvim_buf_is_valid(suggestion.place.buffer) then
    api.nvim_buf_clear_namespace(suggestion.place.buffer, namespace, 0, -1)
  end
  suggestion = nil
end

---Draws the rest of the suggestion.
---@return phi-ls.Rest?
local function refresh()
  local rest = suggestions.rest_of(suggestion)
  if suggestion and rest then
    local count = #suggestion.items
    draw(rest, count > 1 and (' (%d/%d)'):format(suggestion.index, count) or nil)
  else
    drop()
  end
  return rest
end

---@param place phi-ls.Place
---@param items lsp.InlineCompletionItem[]
local function show(place, items)
  drop()
  local encoding = place.client.offset_encoding
  local line = place.before .. place.after
  local shown = {}
  for _, item in ipairs(items) do
    local first, last = #place.before, #place.before
    if item.range then
      first = vim.str_byteindex(line, encoding, item.range.start.character, false)
      last = vim.str_byteindex(line, encoding, item.range['end'].character, false)
    end
    if type(item.insertText) == 'string' and last >= #place.before then
      table.insert(shown, { text = item.insertText, first = first, last = last, command = item.command })
    end
  end
  if #shown > 0 then
    suggestion = { place = place, items = shown, index = 1 }
    refresh()
  end
end

---@param kind integer
local function ask(kind)
  timer:stop()
  local buffer = api.nvim_get_current_buf()
  local client = client_of(buffer)
  if not client or not inserting() or not M.is_enabled(buffer) then
    return
  end
  local row, col = suggestions.cursor()
  local line = api.nvim_get_current_line()
  ---@type phi-ls.Place
  local place = {
    client = client,
    buffer = buffer,
    tick = api.nvim_buf_get_changedtick(buffer),
    row = row,
    before = line:sub(1, col),
    after = line:sub(col + 1),
    line_count = api.nvim_buf_line_count(buffer),
    position = vim.lsp.util.make_position_params(0, client.offset_encoding).position,
  }
  asked = place
  client:request(METHOD, {
    textDocument = vim.lsp.util.make_text_document_params(buffer),
    position = place.position,
    context = { triggerKind = kind },
  }, function(err, result)
    -- The server answers a superseded request with an error, by design.
    if err or asked ~= place or not inserting() or not suggestions.is_current(place) then
      return
    end
    local items = result and (result.items or result) or {}
    show(place, items)
    if #items == 0 and kind == INVOKED then
      vim.notify('phi-ls: no suggestion here')
    end
  end, buffer)
end

---Handles a change of the text or the cursor.
local function changed()
  refresh()
  if not asked or not suggestions.is_current(asked) then
    timer:start(DEBOUNCE_MS, 0, vim.schedule_wrap(function()
      ask(AUTOMATIC)
    end))
  end
end

---Hides the suggestion, and ignores a pending answer.
---@return boolean dismissed whether there was one
function M.dismiss()
  local was_shown = suggestion ~= nil
  timer:stop()
  asked = nil
  drop()
  return was_shown
end

---Requests a suggestion by a key, also where typing requests none.
---@return boolean
function M.trigger()
  if client_of(0) then
    ask(INVOKED)
  end
  return true
end

---@param count integer negative: backwards
---@return boolean
function M.select(count)
  if not suggestion then
    return false
  end
  suggestion.index = (suggestion.index - 1 + count) % #suggestion.items + 1
  refresh()
  return true
end

---@param row integer
---@param first integer
---@param last integer
---@param text string
local function replace(row, first, last, text)
  local lines = vim.split(text, '\n', { plain = true })
  api.nvim_buf_set_text(0, row, first, row, last, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and first or 0) + #lines[#lines] })
end

---Accepts the suggestion.
---@return boolean accepted
function M.accept()
  local rest = suggestions.rest_of(suggestion)
  if not suggestion or not rest then
    return false
  end
  local place, item = suggestion.place, suggestion.items[suggestion.index]
  M.dismiss()
  replace(rest.row, rest.first, rest.last, rest.text)
  if item.command then
    place.client:exec_cmd(item.command, { bufnr = place.buffer })
  end
  return true
end

---@return boolean
local function was_accepted_here()
  local row, col = suggestions.cursor()
  return accepted ~= nil
    and accepted.buffer == api.nvim_get_current_buf()
    and accepted.tick == api.nvim_buf_get_changedtick(accepted.buffer)
    and accepted.row == row
    and accepted.col == col
end

---Accepts a part of the suggestion; the rest stays. After that, the key does nothing else there until the next
---suggestion.
---@param part fun(text: string): string
---@return boolean accepted
local function accept_part(part)
  local rest = suggestions.rest_of(suggestion)
  if not rest then
    return was_accepted_here()
  end
  local text = suggestions.insertion(rest)
  local taken = text and part(text)
  if not taken or taken == text then
    M.accept()
  else
    replace(rest.row, rest.col, rest.col, taken)
    refresh()
  end
  local row, col = suggestions.cursor()
  local buffer = api.nvim_get_current_buf()
  accepted = { buffer = buffer, tick = api.nvim_buf_get_changedtick(buffer), row = row, col = col }
  return true
end

function M.accept_word()
  return accept_part(suggestions.first_word)
end

function M.accept_line()
  return accept_part(suggestions.first_line)
end

---Turns suggestions off or on.
---@return boolean enabled
function M.toggle()
  enabled = not enabled
  M.dismiss()
  if enabled then
    ask(AUTOMATIC)
  end
  return enabled
end

---Handles `phi-ls/completionReady`: a suggestion is ready that was not ready in time.
---@param params { uri: string, version: integer, position: lsp.Position }
function M.on_ready(_, params)
  if
    asked
    and suggestions.is_current(asked)
    and vim.uri_from_bufnr(asked.buffer) == params.uri
    and vim.lsp.util.buf_versions[asked.buffer] == params.version
    and vim.deep_equal(asked.position, params.position)
  then
    ask(AUTOMATIC)
  end
end

---@param wanted table<string, boolean>
function M.setup(wanted)
  filetypes = wanted
end

---@param client vim.lsp.Client
function M.on_init(client)
  -- `vim.lsp.inline_completion`, if enabled for other servers, would draw the suggestion twice.
  client.server_capabilities.inlineCompletionProvider = nil
end

---@param buffer integer
function M.attach(buffer)
  local group = api.nvim_create_augroup('phi-ls.ghost.' .. buffer, {})
  api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = buffer,
    callback = changed,
  })
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave', 'LspDetach' }, {
    group = group,
    buffer = buffer,
    callback = function()
      M.dismiss()
    end,
  })
  if inserting() and api.nvim_get_current_buf() == buffer then
    changed()
  end
end

return M
