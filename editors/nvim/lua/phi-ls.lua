-- phi-ls for Neovim 0.12: ghost text and its keys, `:PhiLs`, and the server's state.
--
--   require('phi-ls').setup()
--
-- Modules: phi-ls.ghost draws suggestions, phi-ls.keys maps keys, phi-ls.progress shows running jobs, phi-ls.refactor
-- refactors the repository. Code actions are Neovim's own.

local M = {}

local ghost = require('phi-ls.ghost')
local keys = require('phi-ls.keys')
local progress = require('phi-ls.progress')

---@class phi-ls.Status the parameters of the server's `phi-ls/status` notification
---@field state 'ngram'|'loading'|'ready'|'failed'
---@field message string
---@field model string
---@field activity { kind: 'idle'|'reading'|'writing', read?: integer, of?: integer }
---@field document? { uri: string, stale: boolean, withheld?: string, notIndexed?: string, nothingOffered?: { reason: string, message: string } }

---@type phi-ls.Status?
local status

---The server's question to the user; see `on_question`.
---@type string?
local question

---@class phi-ls.Opts
---@field cmd? string[] how to start the server; default { 'phi-ls', 'serve' }
---@field settings? table settings, see SETTINGS.md, e.g. { completion = { maxLines = 4 } }
---@field keys? phi-ls.Keys|false false: no keys are mapped
---@field filetypes? table<string, boolean> file types with suggestions, e.g. { markdown = false }; `['*']` means all others

---The status in one line, and why the latest request has no suggestion.
---@return string[]
local function status_lines()
  if not status then
    return {}
  end
  local lines = { status.message }
  -- JSON's null is `vim.NIL`, which is truthy.
  local document = type(status.document) == 'table' and status.document or {}
  -- For a stale document, the message has the reason already.
  if type(document.nothingOffered) == 'table' and not document.stale then
    lines[2] = 'nothing offered: ' .. document.nothingOffered.message
  end
  return lines
end

---For a statusline: `%{%v:lua.require'phi-ls'.statusline()%}`.
---@return string
function M.statusline()
  return progress.text() or table.concat(status_lines(), '; ')
end

---The server's latest status, or nil before the first one.
---@return phi-ls.Status?
function M.status()
  return status
end

---The server's question that `:PhiLs status` has not shown yet, or nil.
---@return string?
function M.offer()
  return question
end

---Neovim shows questions in a list that takes the next keys, which may be meant for the text. The server has one
---question, the hint about a missing model, which can wait for `:PhiLs status`.
local function on_question(_, params)
  question = params.message .. ' See `phi-ls doctor` for how to install one.'
  vim.notify('phi-ls: no model installed; see `:PhiLs status`')
  return vim.NIL
end

---Appends a part of the context below a heading with its source and reason.
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

---Shows the context at the cursor in a new window.
local function why()
  local client = vim.lsp.get_clients({ name = 'phi_ls', bufnr = 0 })[1]
  if not client then
    return vim.notify('phi-ls is not running here', vim.log.levels.ERROR)
  end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local command = { command = 'phi-ls.context', arguments = { place.textDocument.uri, place.position } }
  client:request('workspace/executeCommand', command, function(err, report)
    if err or not report or report == vim.NIL then
      return vim.notify('phi-ls: ' .. (err and err.message or 'this file is withheld from the model'))
    end
    local lines = {
      ('# Context at %s:%d:%d'):format(report.file, report.line, report.column),
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

---Rewrites the function, type or statements in a range, and shows errors.
---@param arguments table the document's URI, and a range of the protocol
---@param instruction? string asks for it if nil
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

---The range of a user command: whole lines if it has a range, else the cursor.
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
  toggle = function()
    vim.notify('phi-ls: suggestions are ' .. (ghost.toggle() and 'on' or 'off'))
  end,
  cancel = function()
    local refactoring = require('phi-ls.refactor').cancel()
    if progress.cancel() and not refactoring then
      vim.notify('phi-ls: cancelled')
    elseif not refactoring then
      vim.notify('phi-ls: nothing to cancel')
    end
  end,
  restart = function()
    vim.lsp.enable('phi_ls', false)
    vim.lsp.enable('phi_ls', true)
  end,
}

---@param opts? phi-ls.Opts
function M.setup(opts)
  opts = opts or {}
  ghost.setup(opts.filetypes or {})
  progress.setup()
  local here = vim.fs.dirname(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2)))
  local config = dofile(vim.fs.joinpath(here, 'lsp', 'phi_ls.lua'))
  config.cmd = opts.cmd or config.cmd
  config.settings['phi-ls'] = opts.settings or config.settings['phi-ls']
  config.init_options = opts.settings
  config.on_init = ghost.on_init
  config.capabilities = vim.tbl_deep_extend('error', config.capabilities, {
    experimental = {
      -- With this, the server offers "Rewrite with instruction…" as a code action.
      commands = { commands = { 'phi-ls.instruct' } },
      completionReady = true,
    },
  })
  vim.lsp.commands['phi-ls.instruct'] = function(command)
    rewrite(command.arguments)
  end
  config.handlers = {
    ['window/showMessageRequest'] = on_question,
    ['phi-ls/completionReady'] = ghost.on_ready,
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
        ghost.attach(event.buf)
        if opts.keys ~= false then
          keys.map(vim.tbl_extend('force', keys.DEFAULT, opts.keys or {}), event.buf)
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
