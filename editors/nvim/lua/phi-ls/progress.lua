-- Shows and cancels running rewrites and refactorings.

local M = {}

---@type table<string, { client: vim.lsp.Client, title: string, percentage?: integer }> by progress token
local running = {}

---Calls `act` with each running job; drops jobs of stopped servers.
---@param act fun(token: string, job: table)
local function each(act)
  for token, job in pairs(running) do
    if job.client:is_stopped() then
      running[token] = nil
    else
      act(token, job)
    end
  end
end

---The progress for a statusline; nil if nothing is running.
---@return string?
function M.text()
  local text
  each(function(_, job)
    text = ('%s, %d %%'):format(job.title, job.percentage or 0)
  end)
  return text
end

---Cancels running jobs.
---@return boolean cancelled whether there were any
function M.cancel()
  local any = false
  each(function(token, job)
    job.client:notify('window/workDoneProgress/cancel', { token = token })
    any = true
  end)
  return any
end

---@param token string
---@param job { title: string, percentage?: integer }
---@param state 'running'|'success'
---@param message? string
local function echo(token, job, state, message)
  -- A message longer than its line would cause a hit-enter prompt.
  local room = math.max(vim.v.echospace - #job.title - 16, 0)
  vim.api.nvim_echo({ { vim.fn.strcharpart(message or 'done', 0, room) } }, false, {
    id = token,
    kind = 'progress',
    source = 'phi-ls',
    title = job.title,
    status = state,
    percent = job.percentage,
  })
end

---@param event { data: { client_id: integer, params: lsp.ProgressParams } }
local function on_progress(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  local token, value = event.data.params.token, event.data.params.value
  if not client or client.name ~= 'phi_ls' or type(token) ~= 'string' then
    return
  end
  if value.kind == 'begin' and value.cancellable then
    running[token] = { client = client, title = 'phi-ls: ' .. vim.fn.strcharpart(value.title, 0, 40) }
  end
  local job = running[token]
  if not job then
    return
  end
  job.percentage = value.percentage or job.percentage
  if value.kind == 'end' then
    running[token] = nil
    echo(token, job, 'success', value.message)
  else
    echo(token, job, 'running', value.message or '')
  end
  vim.cmd.redrawstatus()
end

function M.setup()
  local group = vim.api.nvim_create_augroup('phi-ls.progress', {})
  vim.api.nvim_create_autocmd('LspProgress', { group = group, callback = on_progress })
end

return M
