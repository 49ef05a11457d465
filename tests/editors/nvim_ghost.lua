-- Ghost text while a user types: the drawn text fits the buffer, and the buffer holds only typed and accepted text.

---@param tests table<string, fun()>
---@param harness table the helpers of tests/editors/nvim.lua
return function(tests, harness)
  local open, wait, TYPED, REST = harness.open, harness.wait, harness.TYPED, harness.REST

  local function text(editor)
    return editor.lua([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\n')]])
  end

  ---Waits until the buffer holds this.
  ---@param or_else? string or this
  local function expect(editor, what, expected, or_else)
    local ok = pcall(wait, what, function()
      return text(editor) == expected or text(editor) == or_else
    end)
    assert(ok, ('%s: expected\n%s\ngot\n%s'):format(what, expected, text(editor)))
  end

  ---A file in which `line` was typed, with a suggestion behind it that no later answer takes away.
  local LANGUAGES = {
    { file = 'a.rs', lines = { 'fn f(shape: Shape) {', '    ', '}' }, line = 'let a = shape', rest = '.area(unit);' },
    { file = 'a.py', lines = { 'def f(shape):', '    ', '' }, line = 'a = shape', rest = '.area(unit)' },
    { file = 'a.ts', lines = { 'function f(shape: Shape) {', '    ', '}' }, line = 'const a = shape', rest = '.area(unit);' },
  }

  local function suggested(language, opts)
    local command = { 'python3', harness.hold, vim.fn.tempname(), harness.server .. '-scripted', 'serve' }
    local editor = open(vim.tbl_extend('force', {
      cmd = command,
      env = { ONCE = '1' },
      rules = { { answer = language.rest } },
      file = language.file,
      lines = language.lines,
    }, opts or {}))
    editor.lua([[
      vim.bo.expandtab, vim.bo.autoindent, vim.bo.smartindent, vim.bo.cindent = false, false, false, false
      vim.bo.softtabstop, vim.bo.indentexpr = 0, ''
    ]])
    if opts and opts.plain then
      editor.lua([[
        vim.keymap.set('i', '<Tab>', function()
          return vim.lsp.inline_completion.get() and '' or '\t'
        end, { expr = true })
      ]])
    end
    editor.keys(language.line)
    wait('ghost text in ' .. language.file, function()
      return editor.ghost() == language.rest
    end)
    return editor
  end

  ---The buffer after `keys`, where `line` is the typed line.
  local function with(language, line)
    local lines = vim.deepcopy(language.lines)
    lines[2] = line
    return table.concat(lines, '\n')
  end

  ---Keys that end a suggestion, and the line afterwards, with Tab.
  local AGAINST = {
    { 'another letter', 'x', 'x\t' },
    { 'letters and half of the way back', 'xy<BS>', 'x\t' },
    { 'Enter', '<CR>x', '\nx\t' },
    { 'half of it and something else', '.arx', '.arx\t' },
    { 'half of it and Enter', '.ar<CR>x', '.ar\nx\t' },
    { 'Backspace', '<BS>', nil },
    { 'leaving and coming back', '<Esc>a', '\t' },
    { 'a jump to the front and back', '<Home><End>x', 'x\t' },
  }

  local function never_stale(opts)
    for _, language in ipairs(LANGUAGES) do
      for _, case in ipairs(AGAINST) do
        local what, keys, line = unpack(case)
        what = ('%s in %s'):format(what, language.file)
        line = line or nil
        local typed = line and '    ' .. language.line .. line or '    ' .. language.line:sub(1, -2) .. '\t'
        -- One after the other, as a user presses them, and all at once, as a slow machine reads them.
        for _, at_once in ipairs({ false, true }) do
          local editor = suggested(language, opts)
          if at_once then
            editor.keys(keys .. '<Tab>')
          else
            editor.keys(keys)
            expect(editor, what, with(language, (typed:gsub('\t$', ''))))
            assert(not editor.ghost(), what .. ' leaves on the screen: ' .. tostring(editor.ghost()))
            editor.keys('<Tab>')
          end
          -- Neovim looks for a mapping while it still gathers letters: its own client then finds a suggestion behind `<Tab>`
          -- that is gone when it would take it, and the key with it.
          local without = at_once and opts.plain and with(language, (typed:gsub('\t$', ''))) or nil
          expect(editor, what .. ' and Tab', with(language, typed), without)
          assert(not editor.ghost(), what .. ' and Tab leave on the screen: ' .. tostring(editor.ghost()))
          editor.close()
        end
      end
    end
  end

  function tests.a_suggestion_does_not_outlive_its_text()
    never_stale({})
  end

  ---Without the plugin: with `lsp/phi_ls.lua` alone.
  function tests.a_suggestion_does_not_outlive_its_text_without_the_plugin()
    never_stale({ plain = true })
  end

  function tests.undo_and_another_line_hide_a_suggestion()
    for _, language in ipairs(LANGUAGES) do
      local editor = suggested(language)
      editor.keys('<Esc>u')
      expect(editor, 'the line before it was typed', table.concat(language.lines, '\n'))
      assert(not editor.ghost(), 'undo leaves ghost text')
      editor.keys('<C-r>ggA<Tab>')
      local expected = vim.deepcopy(language.lines)
      expected[1], expected[2] = expected[1] .. '\t', '    ' .. language.line
      expect(editor, 'a tab in the first line', table.concat(expected, '\n'))
      assert(not editor.ghost(), 'a jump leaves ghost text')
      editor.close()
    end
  end

  ---Faster than the server answers: no letter is doubled.
  function tests.typing_along_shrinks_a_suggestion_and_tab_takes_the_rest()
    for _, language in ipairs(LANGUAGES) do
      local whole = with(language, '    ' .. language.line .. language.rest)
      local editor = suggested(language)
      editor.keys('.ar')
      wait('the shorter ghost text', function()
        return editor.ghost() == language.rest:sub(4)
      end)
      editor.keys('<BS>')
      wait('the longer ghost text', function()
        return editor.ghost() == language.rest:sub(3)
      end)
      editor.keys('<Tab>')
      expect(editor, 'the whole suggestion', whole)
      assert(not editor.ghost(), 'ghost text is left')
      editor.close()
      editor = suggested(language)
      editor.keys('.ar<Tab>')
      expect(editor, 'the whole suggestion at once', whole)
      editor.keys('<Esc>u')
      expect(editor, 'one undo', table.concat(language.lines, '\n'))
      editor.close()
    end
  end

  function tests.words_are_accepted_as_fast_as_keys_come_and_no_key_is_inserted()
    for times, expected in pairs({ [4] = '.map_err(ShapeError', [12] = REST }) do
      local editor = open({})
      editor.keys(TYPED)
      wait('ghost text', function()
        return editor.ghost() == REST
      end)
      editor.keys(('<M-w>'):rep(times))
      wait(times .. ' words', function()
        return editor.line() == '    ' .. TYPED .. expected
      end)
      if times == 4 then
        assert(editor.ghost() == REST:sub(#expected + 1), 'the rest is drawn at once: ' .. tostring(editor.ghost()))
      end
      editor.close()
    end
  end

  function tests.a_word_is_an_identifier_or_a_run_of_operators()
    package.path = package.path .. ';' .. vim.fs.joinpath(harness.plugin, 'lua', '?.lua')
    local parts = require('phi-ls.suggestion')
    local function all(part, suggestion)
      local words = {}
      while suggestion ~= '' do
        table.insert(words, part(suggestion))
        suggestion = suggestion:sub(#words[#words] + 1)
      end
      return table.concat(words, '|')
    end
    for suggestion, words in pairs({
      [') -> Vec<Größe> {\n    a.b()?'] = ')| ->| Vec|<|Größe|>| {|\n    a|.|b|(|)|?',
      ['x += y::z;  '] = 'x| +=| y|::|z|;|  ',
      ['a?.b ?? "c"'] = 'a|?.|b| ??| "|c|"',
    }) do
      assert(all(parts.first_word, suggestion) == words, all(parts.first_word, suggestion))
    end
    assert(all(parts.first_line, 'a\n  b\n\n  c') == 'a|\n  b|\n\n  c')
  end

  ---The text is drawn over from the first difference, which is never inside a character.
  function tests.drawing_over_begins_at_the_difference()
    package.path = package.path .. ';' .. vim.fs.joinpath(harness.plugin, 'lua', '?.lua')
    local common_prefix = require('phi-ls.suggestion').common_prefix
    for _, case in ipairs({ { 'f(a)', 'f(a, b)', 3 }, { 'é', 'è', 0 }, { 'aé', 'aéx', 3 }, { 'ab', '', 0 }, { '', 'ab', 0 } }) do
      assert(common_prefix(case[1], case[2]) == case[3], vim.inspect(case))
    end
  end

  ---Without a suggestion, each key keeps its meaning.
  function tests.keys_fall_back_to_their_mappings()
    local mapped = [[
      vim.keymap.set('i', '<M-w>', 'global')
      vim.keymap.set('i', '<M-l>', function() return 'expr' .. 1 end, { expr = true })
      vim.api.nvim_create_autocmd('FileType', { pattern = 'rust', callback = function(event)
        vim.keymap.set('i', '<M-]>', function() vim.api.nvim_put({ 'local' }, 'c', false, true) end, { buffer = event.buf })
      end })
    ]]
    local editor = open({ before = mapped })
    editor.keys('<C-u>x <M-w> <M-l> <M-]> <M-[><M-w>')
    wait('the mappings of before', function()
      return editor.line():match('x .*') == 'x global expr1 local global'
    end)
    -- A mapping that a plugin adds later.
    editor.lua([[vim.keymap.set('i', '<Tab>', 'late')]])
    editor.keys('<Tab>!')
    wait('the later mapping', function()
      return editor.line():match('x .*') == 'x global expr1 local globallate!'
    end)
    editor.close()

    editor = open({})
    editor.keys('<C-u>')
    editor.lua([[vim.snippet.expand('zip(${1:q}, ${2:r}) $0')]])
    for place, keys in ipairs({ '1<Tab>', '2<Tab>', '3' }) do
      wait('place ' .. place .. ' of the snippet', function()
        local mode = editor.lua([[return vim.api.nvim_get_mode().mode]])
        return place == 3 and not editor.lua([[return vim.snippet.active()]]) or mode == 's'
      end)
      editor.keys(keys)
    end
    wait('all places of the snippet', function()
      return editor.line():match('zip.*') == 'zip(1, 2) 3'
    end)
    editor.close()
  end

  function tests.suggestions_are_dismissed_triggered_and_turned_off()
    local editor = open({})
    local function drawn(expected)
      wait(expected and 'ghost text' or 'no ghost text', function()
        return editor.ghost() == expected
      end)
    end
    editor.lua([[
      _G.said = {}
      vim.notify = function(message) table.insert(_G.said, message) end
    ]])
    editor.keys(TYPED)
    drawn(REST)
    editor.keys('<C-]>')
    drawn(nil)
    editor.keys([[<M-\>]])
    drawn(REST)
    editor.keys('<M-]>')
    editor.keys('<M-[>')
    drawn(REST)
    editor.keys('<Cmd>PhiLs toggle<CR>')
    drawn(nil)
    editor.keys([[x<BS><M-\>]])
    editor.keys('<Cmd>PhiLs toggle<CR>')
    drawn(REST)
    local said = table.concat(editor.lua([[return _G.said]]), '\n')
    assert(said == 'phi-ls: suggestions are off\nphi-ls: suggestions are on', said)
    editor.close()

    editor = open({ setup = { filetypes = { rust = false } } })
    editor.keys(TYPED .. [[<M-\>]])
    local asked = editor.lua([[
      local client = vim.lsp.get_clients({ name = 'phi_ls' })[1]
      client:request_sync('workspace/executeCommand', { command = 'phi-ls.status' }, 20000)
      return vim.iter(client.requests):any(function(_, request)
        return request.method == 'textDocument/inlineCompletion'
      end)
    ]])
    assert(not asked and not editor.ghost(), 'a file type that is off was asked about')
    editor.close()
  end

  function tests.a_late_answer_is_drawn_without_another_key()
    local go = vim.fn.tempname()
    local editor = open({
      scripted = true,
      rules = { { waitFor = go, answer = '.area(unit);' } },
      settings = { completion = { budgetMs = 50, debounceMs = 0 } },
    })
    editor.lua([[
      _G.answered, _G.ready = 0, 0
      local client = vim.lsp.get_clients({ name = 'phi_ls' })[1]
      local request, on_ready = client.request, client.handlers['phi-ls/completionReady']
      client.request = function(self, method, params, handler, buffer)
        return request(self, method, params, handler and function(...)
          if method == 'textDocument/inlineCompletion' then
            _G.answered = _G.answered + 1
          end
          return handler(...)
        end, buffer)
      end
      client.handlers['phi-ls/completionReady'] = function(...)
        _G.ready = _G.ready + 1
        return on_ready(...)
      end
    ]])
    editor.keys('let a = shape')
    wait('an empty answer', function()
      return editor.lua('return _G.answered') > 0
    end)
    assert(not editor.ghost(), 'the model has not said a word')
    vim.fn.writefile({}, go)
    wait('the late answer', function()
      return editor.ghost() == '.area(unit);'
    end)
    assert(editor.lua('return _G.ready') > 0, 'it was not announced')
    editor.close()
  end

  ---An invalid byte is pasted. Neovim sends it unchanged. Only in UTF-8 does its replacement character have another length, so that
  ---the document becomes stale.
  function tests.a_pasted_byte_that_is_not_utf_8()
    for _, encoding in ipairs({ 'utf-8', 'utf-16', 'utf-32' }) do
      local editor = open({ encoding = encoding, scripted = true, rules = { { answer = '.area(unit);' } } })
      editor.lua([[
        _G.said = {}
        vim.lsp.handlers['window/showMessage'] = function(_, params) table.insert(_G.said, params.message) end
        vim.bo.autoindent, vim.bo.indentexpr, vim.bo.formatoptions = true, '', ''
      ]])
      local function drawn(expected)
        wait(expected and 'ghost text' or 'no ghost text', function()
          return editor.ghost() == expected
        end)
      end
      local function offered()
        return editor.lua([[
          local client = vim.lsp.get_clients({ name = 'phi_ls' })[1]
          local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
          params.context = { diagnostics = {} }
          local actions = client:request_sync('textDocument/codeAction', params, 20000).result or {}
          params = vim.lsp.util.make_position_params(0, client.offset_encoding)
          params.context = { triggerKind = 1 }
          local suggestions = client:request_sync('textDocument/inlineCompletion', params, 20000).result.items
          return { actions = #actions, suggestions = #suggestions }
        ]])
      end
      local function statusline()
        return editor.lua([[return require('phi-ls').statusline()]])
      end
      editor.keys('let a = shape')
      drawn('.area(unit);')
      editor.keys([[<Esc>:let @a = " // caf\xe9 au lait"<CR>"apoxy<BS>]])
      if encoding == 'utf-8' then
        wait('the status to say so', function()
          return statusline():find('reopen', 1, true)
        end)
        assert(vim.deep_equal(offered(), { actions = 0, suggestions = 0 }), vim.inspect(offered()))
        editor.keys('<C-u>let b = shape')
        wait('the keys', function()
          return editor.line():find('let b = shape$')
        end)
        assert(vim.deep_equal(offered(), { actions = 0, suggestions = 0 }), vim.inspect(offered()))
        assert(not editor.ghost(), 'a suggestion for a text that is not known')
        editor.keys('<Esc>:write | edit<CR>A')
      else
        editor.keys('<C-u>let b = shape')
      end
      drawn('.area(unit);')
      wait('the status to say no more', function()
        return not statusline():find('reopen', 1, true)
      end)
      assert(offered().actions > 0 and offered().suggestions == 1, vim.inspect(offered()))
      local said = editor.lua('return _G.said')
      assert(#said == (encoding == 'utf-8' and 1 or 0), vim.inspect(said))
      assert(#said == 0 or said[1]:find('main.rs', 1, true) and said[1]:find('reopen', 1, true), vim.inspect(said))
      editor.close()
    end
  end

  ---Lines in a buffer have no line endings; those of the file are added when it is written.
  function tests.several_lines_are_accepted_in_a_dos_file()
    for _, plain in ipairs({ false, true }) do
      local answer = 'let area = shape.area(unit);\n    area'
      local editor = open({
        scripted = true,
        rules = { { answer = answer } },
        file = 'dos.rs',
        lines = { 'fn f(shape: Shape) -> f64 {', '    ', '}' },
        ending = '\r\n',
        plain = plain,
      })
      if plain then
        editor.lua([[vim.keymap.set('i', '<Tab>', vim.lsp.inline_completion.get)]])
      end
      assert(editor.lua('return vim.bo.fileformat') == 'dos')
      wait('ghost text', function()
        return editor.ghost() == answer
      end)
      editor.keys('<Tab>')
      wait('the lines', function()
        return editor.lua([[return vim.fn.line('$')]]) == 4
      end)
      editor.keys('<Esc>:w<CR>')
      local expected = 'fn f(shape: Shape) -> f64 {\r\n    let area = shape.area(unit);\r\n    area\r\n}\r\n'
      local function written()
        local file = assert(io.open(vim.fs.joinpath(editor.workspace, 'dos.rs'), 'rb'))
        local bytes = file:read('*a')
        file:close()
        return bytes
      end
      local ok = pcall(wait, 'the file', function()
        return written() == expected
      end)
      assert(ok, vim.inspect(written()))
      editor.close()
    end
  end

  ---Accepted whole, in parts, or typed along: what is typed next stands in the block. By the plugin, and by lsp/phi_ls.lua
  ---alone.
  function tests.after_an_empty_block_the_cursor_is_in_it()
    local plain = { plain = true }
    for _, case in ipairs({ { '<Tab>' }, { 'if<Tab>' }, { '<M-l><M-l><M-l>' }, { '<Tab>', plain } }) do
      local keys, opts = unpack(case)
      local editor = open(vim.tbl_extend('error', opts or {}, {
        scripted = true,
        rules = { { answer = 'if a {' } },
        file = 'block.rs',
        lines = { 'fn f(a: bool) {', '    ', '}' },
      }))
      if opts then
        editor.lua([[vim.keymap.set('i', '<Tab>', vim.lsp.inline_completion.get)]])
      end
      editor.lua([[vim.bo.autoindent, vim.bo.indentexpr = false, '']])
      wait('ghost text', function()
        return editor.ghost() == 'if a {\n        \n    }'
      end)
      editor.keys(keys)
      wait(keys .. ' to put the cursor into the block', function()
        return vim.deep_equal(editor.lua([[return vim.api.nvim_win_get_cursor(0)]]), { 3, 8 })
      end)
      editor.keys('g();')
      expect(editor, keys, 'fn f(a: bool) {\n    if a {\n        g();\n    }\n}')
      editor.close()
    end
  end

  ---After characters whose length depends on the position encoding.
  function tests.the_cursor_is_put_where_the_server_says_in_every_encoding()
    for _, encoding in ipairs({ 'utf-8', 'utf-16', 'utf-32' }) do
      local editor = open({
        scripted = true,
        encoding = encoding,
        rules = { { answer = '\n    g("é😀");\n' } },
        file = 'body.rs',
        lines = { 'fn f() {}', '' },
      })
      editor.keys([[<Left><M-\>]])
      wait('ghost text', function()
        return editor.ghost() == '\n    g("é😀");\n'
      end)
      editor.keys('<Tab>')
      wait('the cursor behind the statement', function()
        return vim.deep_equal(editor.lua([[return vim.api.nvim_win_get_cursor(0)]]), { 2, #'    g("é😀");' })
      end)
      editor.close()
    end
  end

  function tests.a_rewrite_shows_its_progress_and_is_cancelled()
    local go = vim.fn.tempname()
    local editor = open({
      scripted = true,
      rules = { { when = { 'The instruction: Say more' }, waitFor = go, replace = { { '{name}', 'more {name}' } } } },
    })
    editor.keys('<Esc>')
    local before = text(editor)
    editor.keys(':PhiLs rewrite Say more<CR>')
    wait('the progress in the status line', function()
      return editor.lua([[return require('phi-ls').statusline()]]):find('phi-ls: Say more, 0 %', 1, true)
    end)
    local messages = editor.lua([[return vim.fn.execute('messages')]])
    assert(not messages:find('Error'), messages)
    editor.keys(':PhiLs cancel<CR>')
    wait('the progress to end', function()
      return not editor.lua([[return require('phi-ls').statusline()]]):find('Say more', 1, true)
    end)
    vim.fn.writefile({}, go)
    -- The model answers one prompt after the other: the cancelled answer would have come before this one.
    editor.lua([[
      local client = vim.lsp.get_clients({ name = 'phi_ls' })[1]
      local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
      params.context = { triggerKind = 1 }
      client:request_sync('textDocument/inlineCompletion', params, 20000)
    ]])
    assert(text(editor) == before, 'a cancelled rewrite was applied')
    editor.close()
  end
end
