-- `:PhiLs refactor`: refactors the repository with two buffers, the list of places and the diff. Lines deleted in a buffer
-- are excluded, `:w` continues. Protocol: server/src/lsp/refactor.rs.

local M = {}

---The running request, if any.
---@type { client: vim.lsp.Client, id: integer }?
local running

---@param message string
---@param level? integer
local function say(message, level)
  vim.notify(vim.startswith(message, 'phi-ls: ') and message or 'phi-ls: ' .. message, level)
end

---@return vim.lsp.Client?
local function client_of_buffer()
  local client = vim.lsp.get_clients({ name = 'phi_ls', bufnr = 0 })[1] or vim.lsp.get_clients({ name = 'phi_ls' })[1]
  if not client then
    say('not running here', vim.log.levels.ERROR)
  end
  return client
end

---Sends the command; calls `done` with its result.
---@param client vim.lsp.Client
---@param argument table
---@param done fun(result: table)
local function send(client, argument, done)
  local command = { command = 'phi-ls.refactor', arguments = { argument } }
  local ok, id = client:request('workspace/executeCommand', command, function(err, result)
    running = nil
    if err then
      return say(err.message, vim.log.levels.ERROR)
    end
    done(result)
  end)
  running = ok and id and { client = client, id = id } or nil
end

---A buffer whose `:w` calls `written`.
---@param name string
---@param filetype string
---@param lines string[]
---@param written fun(lines: string[])
local function page(name, filetype, lines, written)
  vim.cmd.new()
  local buffer = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_name(buffer, ('phi-ls://%s/%d'):format(name, buffer))
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = 'acwrite', 'wipe', false
  vim.api.nvim_buf_set_lines(buffer, 0, -1, true, lines)
  vim.bo.filetype, vim.bo.modified = filetype, false
  vim.api.nvim_create_autocmd('BufWriteCmd', {
    buffer = buffer,
    callback = function()
      local left = vim.api.nvim_buf_get_lines(buffer, 0, -1, true)
      vim.bo[buffer].modified = false
      vim.schedule(function()
        pcall(vim.api.nvim_buf_delete, buffer, { force = true })
      end)
      written(left)
    end,
  })
end

---Shows the report, as a warning if a file was not changed.
local function report(result)
  local skipped = #result.report.skipped
  say(result.text, skipped > 0 and vim.log.levels.WARN or nil)
end

---Shows the diff, with numbered hunks.
---@param client vim.lsp.Client
local function show_diff(client, result)
  if #result.hunks == 0 then
    return say(result.text)
  end
  local lines = { '# Delete the hunks you do not want; `:w` applies the rest, `:q!` cancels.' }
  for _, line in ipairs(vim.split(result.text, '\n', { trimempty = true })) do
    table.insert(lines, '# ' .. line)
  end
  local number = 0
  for _, line in ipairs(vim.split(result.diff, '\n', { trimempty = true })) do
    if vim.startswith(line, '@@ ') then
      number = number + 1
      line = ('%s hunk %d'):format(line, number)
    end
    table.insert(lines, line)
  end
  page('diff', 'diff', lines, function(left)
    local hunks = {}
    for _, line in ipairs(left) do
      local hunk = line:match('^@@ .* hunk (%d+)$')
      if hunk then
        table.insert(hunks, tonumber(hunk) - 1)
      end
    end
    if #hunks > 0 then
      send(client, { apply = result.id, hunks = hunks }, report)
    end
  end)
end

---Shows the places of a plan, one per line.
---@param client vim.lsp.Client
local function show_plan(client, plan)
  local lines = { '# Delete the places to leave out; `:w` rewrites the rest, `:q!` cancels.' }
  for number, site in ipairs(plan.sites) do
    local container = type(site.container) == 'string' and site.container .. '.' or ''
    local place = ('%s:%d'):format(vim.fn.fnamemodify(site.path, ':.'), site.line + 1)
    table.insert(lines, ('%d\t%s\t%s%s\t%s'):format(number, place, container, site.name, site.reason))
  end
  for _, left in ipairs(plan.leftOut) do
    table.insert(lines, ('# not %s: %s'):format(vim.fn.fnamemodify(left.path, ':.'), left.reason))
  end
  if type(plan.order.check) == 'table' then
    table.insert(lines, '# Check, in a copy: ' .. table.concat(plan.order.check, ' '))
  end
  page('plan', '', lines, function(left)
    local sites = {}
    for _, line in ipairs(left) do
      table.insert(sites, plan.sites[tonumber(line:match('^(%d+)\t'))])
    end
    if #sites > 0 then
      plan.sites = sites
      send(client, { run = plan, preview = true }, function(result)
        show_diff(client, result)
      end)
    end
  end)
end

---Cancels the running refactoring.
---@return boolean cancelled whether there was one
function M.cancel()
  if not running then
    return false
  end
  -- Neovim does not pass on the answer to a cancelled request.
  running.client:cancel_request(running.id)
  running = nil
  say('cancelled; `:PhiLs refactor resume` continues')
  return true
end

---@param instruction string `@name` first selects the definitions of that name and their uses
function M.run(instruction)
  local client = client_of_buffer()
  if not client then
    return
  end
  if instruction == 'cancel' then
    M.cancel()
    return
  elseif instruction == 'resume' then
    return send(client, { resume = true, preview = true }, function(result)
      show_diff(client, result)
    end)
  end
  local symbol, rest = instruction:match('^@(%S+)%s+(.+)$')
  send(client, { plan = { instruction = rest or instruction, symbol = symbol } }, function(plan)
    show_plan(client, plan)
  end)
end

return M
