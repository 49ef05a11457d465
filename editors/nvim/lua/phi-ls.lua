-- Ghost text from phi-ls in Neovim 0.12: keys to accept it whole, by word or by line, and the server's state.
--
--   require('phi-ls').setup()
--
-- Everything is drawn by Neovim's own client (vim.lsp.inline_completion). What this file adds: partial acceptance,
-- the rule that an answer for a text that has changed since is not drawn, `:PhiLs`, and its input for an instruction.

local M = {}

local METHOD = 'textDocument/inlineCompletion'

---@class phi-ls.Status the parameters of the server's `phi-ls/status` notification
---@field state 'lookup'|'loading'|'ready'|'failed'
---@field message string
---@field model string
---@field activity { kind: 'idle'|'reading'|'writing', read?: integer, of?: integer }
---@field document? { uri: string, withheld?: string, notIndexed?: string, nothingOffered?: { reason: string, message: string } }

---@type phi-ls.Status?
local status

---What the server has asked; see `on_question`.
---@type string?
local question

---@class phi-ls.Opts
---@field cmd? string[] how to start the server; default { 'phi-ls', 'serve' }
---@field settings? table the options of SETTINGS.md, e.g. { completion = { maxLines = 4 } }
---@field keys? phi-ls.Keys|false false: no keys are mapped

---@class phi-ls.Keys
---@field accept? string whole suggestion; default <Tab>, which stays a tab when there is none
---@field accept_word? string default <M-w>
---@field accept_line? string default <M-l>
---@field next? string the next suggestion; default <M-]>

---@type phi-ls.Keys
local DEFAULT_KEYS = { accept = '<Tab>', accept_word = '<M-w>', accept_line = '<M-l>', next = '<M-]>' }

---Takes the first word of `text`: the blanks before it, then letters, digits and underscores or one other character.
---@param text string
---@return string
local function first_word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%s]') or text
end

---Takes `text` up to and with its first line end; a leading line end is taken with the line behind it.
---@param text string
---@return string
local function first_line(text)
  return text:match('^\n?[^\n]*')
end

---Inserts a part of the suggestion at the cursor. The server sees it as typing, so its answer stays valid.
---@param part fun(text: string): string
local function accept_part(part)
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local text = item.insert_text
      if type(text) ~= 'string' then
        return item
      end
      local buffer = vim.api.nvim_get_current_buf()
      local row, col = unpack(vim.api.nvim_win_get_cursor(0))
      row = row - 1
      if item.range then
        local start_row, start_col, end_row, end_col = item.range:to_extmark()
        local typed = vim.api.nvim_buf_get_text(buffer, start_row, start_col, row, col, {})[1]
        if start_row ~= row or not vim.startswith(text, typed) then
          return nil
        end
        -- Words behind the cursor that are written anew cannot be taken one by one; what an editor has closed can.
        local behind = vim.api.nvim_buf_get_text(buffer, row, col, end_row, end_col, {})[1]
        if behind:find('[%w_]') then
          return item
        end
        text = text:sub(#typed + 1)
      end
      local lines = vim.split(part(text), '\n', { plain = true })
      vim.api.nvim_buf_set_text(buffer, row, col, row, col, lines)
      local last = lines[#lines]
      vim.api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and col or 0) + #last })
      return nil
    end,
  })
end

---Answers that were made for another text are dropped: Neovim itself would draw them.
---@param client vim.lsp.Client
local function drop_stale_answers(client)
  local request = client.request
  client.request = function(self, method, params, handler, bufnr)
    if method ~= METHOD or not handler or not bufnr then
      return request(self, method, params, handler, bufnr)
    end
    local asked = vim.api.nvim_buf_get_changedtick(bufnr)
    local fresh = function(err, result, ctx, config)
      if vim.api.nvim_buf_is_valid(bufnr) and vim.api.nvim_buf_get_changedtick(bufnr) == asked then
        -- A superseded question is answered with an error by design; it is not worth a line in the log.
        return not err and handler(err, result, ctx, config)
      end
    end
    return request(self, method, params, fresh, bufnr)
  end
end

---@param keys phi-ls.Keys
---@param buffer integer
local function map_keys(keys, buffer)
  local function map(key, otherwise, action, desc)
    if not key or key == '' then
      return
    end
    vim.keymap.set('i', key, function()
      return action() and '' or otherwise
    end, { buffer = buffer, expr = true, desc = 'phi-ls: ' .. desc })
  end
  map(keys.accept, keys.accept, vim.lsp.inline_completion.get, 'accept the suggestion')
  map(keys.accept_word, keys.accept_word, function()
    return accept_part(first_word)
  end, 'accept a word of the suggestion')
  map(keys.accept_line, keys.accept_line, function()
    return accept_part(first_line)
  end, 'accept a line of the suggestion')
  map(keys.next, '', function()
    vim.schedule(function()
      vim.lsp.inline_completion.select({ count = 1 })
    end)
    return true
  end, 'the next suggestion')
end

---The status in one line, and why nothing was offered at the latest place, if nothing was.
---@return string[]
local function status_lines()
  if not status then
    return {}
  end
  local lines = { status.message }
  -- JSON's null is `vim.NIL`, which counts as true.
  local document = type(status.document) == 'table' and status.document or {}
  if type(document.nothingOffered) == 'table' then
    lines[2] = 'nothing offered: ' .. document.nothingOffered.message
  end
  return lines
end

---For a statusline: `%{%v:lua.require'phi-ls'.statusline()%}`.
---@return string
function M.statusline()
  return table.concat(status_lines(), '; ')
end

---The server's latest state, or nil before it has said one.
---@return phi-ls.Status?
function M.status()
  return status
end

---What the server has offered and nobody has read yet, or nil.
---@return string?
function M.offer()
  return question
end

---Neovim asks in a list that takes the next keys, which may be meant for the text. The one question that the server
---has, whether to say how a model is installed, can wait for `:PhiLs status`.
local function on_question(_, params)
  question = params.message .. ' `phi-ls doctor` says how to install one.'
  vim.notify('phi-ls: no model installed; `:PhiLs status` says more')
  return vim.NIL
end

---Puts the text of a part of the context below a heading that says where it is from and why it is shown.
---@param lines string[]
---@param part table see server/src/context/report.rs
local function add_part(lines, part)
  local score = type(part.score) == 'number' and (', score %.2f'):format(part.score) or ''
  vim.list_extend(lines, {
    '',
    ('## %s: %s:%d-%d'):format(part.source, part.path, part.from, part.to),
    ('%s (%d tokens%s)'):format(part.reason, part.tokens, score),
    '',
  })
  for _, line in ipairs(vim.split(part.text, '\n', { trimempty = true })) do
    table.insert(lines, '    ' .. line)
  end
end

---Shows in a new window what the model is shown at the cursor, and why.
local function why()
  local client = vim.lsp.get_clients({ name = 'phi_ls', bufnr = 0 })[1]
  if not client then
    return vim.notify('phi-ls is not running here', vim.log.levels.ERROR)
  end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local command = { command = 'phi-ls.context', arguments = { place.textDocument.uri, place.position } }
  client:request('workspace/executeCommand', command, function(err, report)
    if err or not report or report == vim.NIL then
      return vim.notify('phi-ls: ' .. (err and err.message or 'this file is not shown to the model'))
    end
    local lines = {
      ('# What the model is shown at %s:%d:%d'):format(report.file, report.line, report.column),
      ('%d of %d tokens, in the order of the prompt'):format(report.tokens.total, report.budget.total),
    }
    for _, part in ipairs(report.parts) do
      add_part(lines, part)
    end
    vim.cmd.new()
    vim.api.nvim_buf_set_lines(0, 0, -1, true, lines)
    vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modifiable = 'nofile', 'wipe', 'markdown', false
  end)
end

---Has the server rewrite the function, type or statements of a range, and says why where it does not.
---@param arguments table the document's URI, and a range of the protocol
---@param instruction? string asked for where it is missing
local function rewrite(arguments, instruction)
  local client = vim.lsp.get_clients({ name = 'phi_ls', bufnr = 0 })[1]
  if not client then
    return vim.notify('phi-ls is not running here', vim.log.levels.ERROR)
  end
  local function send(said)
    if not said or vim.trim(said) == '' then
      return
    end
    local command = { command = 'phi-ls.rewrite', arguments = { arguments[1], arguments[2], said } }
    client:request('workspace/executeCommand', command, function(err)
      if err then
        local message = err.message
        vim.notify(vim.startswith(message, 'phi-ls: ') and message or 'phi-ls: ' .. message, vim.log.levels.ERROR)
      end
    end)
  end
  if instruction and vim.trim(instruction) ~= '' then
    send(instruction)
  else
    vim.ui.input({ prompt = 'Rewrite: ' }, send)
  end
end

---What a user command was given: whole lines where it has a range, else the cursor.
---@param command vim.api.keyset.create_user_command.command_args
local function selected(command)
  local client = vim.lsp.get_clients({ name = 'phi_ls', bufnr = 0 })[1]
  local encoding = client and client.offset_encoding or 'utf-16'
  local place = vim.lsp.util.make_range_params(0, encoding)
  if command.range > 0 then
    local last = vim.fn.getline(command.line2)
    place = vim.lsp.util.make_given_range_params({ command.line1, 0 }, { command.line2, math.max(#last - 1, 0) }, 0, encoding)
  end
  return { place.textDocument.uri, place.range }
end

local COMMANDS = {
  why = why,
  rewrite = function(command, instruction)
    rewrite(selected(command), instruction)
  end,
  refactor = function(_, instruction)
    if vim.trim(instruction) ~= '' then
      return require('phi-ls.refactor').run(instruction)
    end
    vim.ui.input({ prompt = 'Refactor the repository: ' }, function(said)
      if said and vim.trim(said) ~= '' then
        require('phi-ls.refactor').run(said)
      end
    end)
  end,
  status = function()
    local lines = status_lines()
    lines[1] = lines[1] or 'phi-ls is not running'
    lines[#lines + 1] = question
    vim.notify(table.concat(lines, '\n'))
    question = nil
  end,
  cancel = function()
    for _, client in ipairs(vim.lsp.get_clients({ name = 'phi_ls' })) do
      client:request('workspace/executeCommand', { command = 'phi-ls.cancel', arguments = {} }, function(_, count)
        vim.notify(count == 0 and 'phi-ls: nothing is running' or 'phi-ls: cancelled')
      end)
    end
  end,
  toggle = function()
    vim.lsp.inline_completion.enable(not vim.lsp.inline_completion.is_enabled())
  end,
  restart = function()
    vim.lsp.enable('phi_ls', false)
    vim.lsp.enable('phi_ls', true)
  end,
}

---@param opts? phi-ls.Opts
function M.setup(opts)
  opts = opts or {}
  local keys = opts.keys
  if keys ~= false then
    keys = vim.tbl_extend('force', DEFAULT_KEYS, keys or {})
  end
  local here = vim.fs.dirname(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2)))
  local config = dofile(vim.fs.joinpath(here, 'lsp', 'phi_ls.lua'))
  config.cmd = opts.cmd or config.cmd
  config.settings['phi-ls'] = opts.settings or config.settings['phi-ls']
  config.init_options = opts.settings
  config.on_init = drop_stale_answers
  -- The server then offers "Rewrite with instruction…" among its code actions.
  config.capabilities = { experimental = { commands = { commands = { 'phi-ls.instruct' } } } }
  vim.lsp.commands['phi-ls.instruct'] = function(command)
    rewrite(command.arguments)
  end
  config.handlers = {
    ['window/showMessageRequest'] = on_question,
    ['phi-ls/status'] = function(_, params)
      status = params
      vim.api.nvim_exec_autocmds('User', { pattern = 'PhiLsStatus', data = params })
      vim.cmd.redrawstatus()
    end,
  }
  vim.lsp.config('phi_ls', config)
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('phi-ls', {}),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'phi_ls' then
        vim.lsp.inline_completion.enable(true, { bufnr = event.buf })
        if keys then
          map_keys(keys, event.buf)
        end
      end
    end,
  })
  vim.api.nvim_create_user_command('PhiLs', function(command)
    local name, rest = command.args:match('^(%S*)%s*(.*)$')
    local run = COMMANDS[name ~= '' and name or 'status']
    if run then
      run(command, rest)
    else
      vim.notify('PhiLs: no such command: ' .. command.args, vim.log.levels.ERROR)
    end
  end, {
    nargs = '*',
    range = true,
    desc = 'phi-ls: status, why, rewrite, refactor, cancel, toggle or restart',
    complete = function(_, line)
      return #vim.split(line, '%s+') <= 2 and vim.tbl_keys(COMMANDS) or {}
    end,
  })
  vim.lsp.enable('phi_ls')
end

return M
