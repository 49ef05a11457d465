-- A suggestion relative to the current text: whether it still matches, its rest, and its parts.

local M = {}

local api = vim.api

---The text around the cursor at the time of the request.
---@class phi-ls.Place
---@field client vim.lsp.Client
---@field buffer integer
---@field tick integer
---@field row integer from 0
---@field before string the line before the cursor
---@field after string the line after the cursor
---@field line_count integer
---@field position lsp.Position

---@class phi-ls.Suggestion
---@field place phi-ls.Place
---@field items { text: string, first: integer, last: integer, command?: lsp.Command }[] first, last: the columns that the text replaces
---@field index integer the item that is drawn

---The rest of a suggestion at the cursor: `text` replaces the columns from `first` to `last`.
---@class phi-ls.Rest
---@field row integer
---@field col integer the cursor's
---@field first integer
---@field last integer
---@field text string

---@return integer row, integer col both from 0
function M.cursor()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  return row - 1, col
end

---@param place phi-ls.Place
---@return boolean current whether text and cursor are unchanged
function M.is_current(place)
  if api.nvim_get_current_buf() ~= place.buffer or api.nvim_buf_get_changedtick(place.buffer) ~= place.tick then
    return false
  end
  local row, col = M.cursor()
  return row == place.row and col == #place.before
end

---@param made phi-ls.Suggestion?
---@return phi-ls.Rest? rest nil if the text differs from the suggestion, or contains all of it
function M.rest_of(made)
  local place = made and made.place
  if not made or not place or api.nvim_get_current_buf() ~= place.buffer then
    return nil
  end
  local row, col = M.cursor()
  if row < place.row or api.nvim_buf_line_count(place.buffer) ~= place.line_count + row - place.row then
    return nil
  end
  local lines = api.nvim_buf_get_lines(place.buffer, place.row, row + 1, true)
  local after = lines[#lines]:sub(col + 1)
  lines[#lines] = lines[#lines]:sub(1, col)
  local before = table.concat(lines, '\n')
  if after ~= place.after or not vim.startswith(before, place.before) then
    return nil
  end
  local item = made.items[made.index]
  if before == place.before then
    return { row = row, col = col, first = item.first, last = item.last, text = item.text }
  end
  local typed = before:sub(item.first + 1)
  if item.first > #place.before or not vim.startswith(item.text, typed) or item.text == typed then
    return nil
  end
  return { row = row, col = col, first = col, last = col + item.last - #place.before, text = item.text:sub(#typed + 1) }
end

---The text to insert at the cursor, and the text after the cursor that it replaces. nil if the suggestion changes text
---before the cursor or words after it: then it can only be accepted as a whole.
---@param rest phi-ls.Rest
---@return string? text, string replaced
function M.insertion(rest)
  local line = api.nvim_buf_get_lines(0, rest.row, rest.row + 1, true)[1]
  local before, replaced = line:sub(rest.first + 1, rest.col), line:sub(rest.col + 1, rest.last)
  if rest.first > rest.col or not vim.startswith(rest.text, before) or replaced:find('[%w_]') then
    return nil, replaced
  end
  return rest.text:sub(#before + 1), replaced
end

---@param a string
---@param b string
---@return integer bytes of whole characters
function M.common_prefix(a, b)
  local same = 0
  while same < #a and a:byte(same + 1) == b:byte(same + 1) do
    same = same + 1
  end
  return same < #a and same + vim.str_utf_start(a, same + 1) or same
end

---Leading spaces, then an identifier, a run of operator characters (`->`, `::`, `+=`), or one other character.
---@param text string
---@return string
function M.first_word(text)
  local blanks, rest = text:match('^(%s*)(.*)$')
  local word = rest:match('^[%w_\128-\255]+') or rest:match('^[-+*/%%=<>!&|^~?:.@#$\\]+') or rest:sub(1, 1)
  return blanks .. word
end

---The rest of the line; leading line ends belong to the line after them.
---@param text string
---@return string
function M.first_line(text)
  return text:match('^\n*[^\n]*')
end

return M
