-- Insert mode keys that act on a suggestion; without one they keep their previous meaning.

local M = {}

local api = vim.api

---@class phi-ls.Keys '' or false: not mapped
---@field accept? string the whole suggestion; default <Tab>
---@field accept_word? string its next word; default <M-w>
---@field accept_line? string its next line; default <M-l>
---@field next? string the next suggestion; default <M-]>
---@field previous? string the previous suggestion; default <M-[>
---@field dismiss? string hides the suggestion; default <C-]>
---@field trigger? string requests a suggestion; default <M-\>

---@type phi-ls.Keys
M.DEFAULT = {
  accept = '<Tab>',
  accept_word = '<M-w>',
  accept_line = '<M-l>',
  next = '<M-]>',
  previous = '<M-[>',
  dismiss = '<C-]>',
  trigger = [[<M-\>]],
}

---The previous buffer-local mappings.
---@type table<integer, table<string, table>> by buffer and key: the result of |maparg()|
local replaced = {}

---@param key string
local function raw(key)
  return api.nvim_replace_termcodes(key, true, true, true)
end

---The current global mapping of a key; another plugin may have created it after ours.
---@param key string
---@return table?
local function global_mapping(key)
  for _, mapping in ipairs(api.nvim_get_keymap('i')) do
    if mapping.lhsraw == raw(key) or mapping.lhsrawalt == raw(key) then
      return mapping
    end
  end
end

---Runs the key's previous meaning, before keys that were typed after it.
---@param key string
local function fall_back(key)
  local buffer = api.nvim_get_current_buf()
  local mapping = (replaced[buffer] or {})[key] or global_mapping(key)
  if mapping then
    -- A copy of the mapping under another name.
    local name = '<Plug>(phi-ls-' .. key:gsub('[<>]', '') .. ')'
    local again = vim.tbl_extend('force', mapping, { lhs = name, lhsraw = raw(name), buffer = 1, mode = 'i' })
    again.lhsrawalt = nil
    if mapping.rhs and vim.startswith(mapping.rhs, key) then
      -- A mapping that starts with its own key is not recursive.
      again.noremap = 1
    end
    vim.fn.mapset(again)
    api.nvim_feedkeys(raw(name), 'im', false)
  elseif not key:match('^<[MADmad]%-') then
    -- An unmapped Alt key would leave insert mode or insert text.
    api.nvim_feedkeys(raw(key), 'in', false)
  end
end

---@param buffer integer
---@param key? string|false
---@param action fun(): boolean returns whether it did something
---@param description string
local function map(buffer, key, action, description)
  if not key or key == '' then
    return
  end
  local before = vim.fn.maparg(key, 'i', false, true)
  local is_ours = type(before.desc) == 'string' and vim.startswith(before.desc, 'phi-ls: ')
  if before.buffer == 1 and not is_ours then
    replaced[buffer] = replaced[buffer] or {}
    replaced[buffer][key] = before
  end
  vim.keymap.set('i', key, function()
    if not action() then
      fall_back(key)
    end
  end, { buffer = buffer, desc = 'phi-ls: ' .. description })
end

---@param keys phi-ls.Keys
---@param buffer integer
function M.map(keys, buffer)
  local ghost = require('phi-ls.ghost')
  api.nvim_buf_call(buffer, function()
    map(buffer, keys.accept, ghost.accept, 'accept the suggestion')
    map(buffer, keys.accept_word, ghost.accept_word, 'accept a word of the suggestion')
    map(buffer, keys.accept_line, ghost.accept_line, 'accept a line of the suggestion')
    map(buffer, keys.dismiss, ghost.dismiss, 'dismiss the suggestion')
    map(buffer, keys.trigger, ghost.trigger, 'request a suggestion')
    map(buffer, keys.next, function()
      return ghost.select(1)
    end, 'the next suggestion')
    map(buffer, keys.previous, function()
      return ghost.select(-1)
    end, 'the previous suggestion')
  end)
end

return M
