//! What the locals query of each language tells apart: in a file that defines `load`, the lines that a rename changes.

use super::renames::check;

/// Renames `load` to `fetch` in a file: the lines that must change are marked at their end. The definition is the first
/// line that has the name.
fn marked(path: &str, text: &str, edit: (&str, &str)) {
    let fixture = format!("//- {path}\n{}", text.replace(" @@", ""));
    let definition = text.lines().position(|line| line.contains(edit.0)).expect("a definition");
    let changed = text.lines().enumerate().filter(|(_, line)| line.ends_with(" @@")).map(|(at, line)| {
        assert_ne!(at, definition);
        let line = line.trim_end_matches(" @@").trim();
        format!("{}:{} {}", path.trim_start_matches('/'), at + 1, line.replace("load(", "fetch("))
    });
    let changed: Vec<String> = changed.collect();
    check(&fixture, edit, &changed.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
}

#[test]
fn rust() {
    let text = "\
fn load() -> u8 { 1 }
fn a(x: Option<fn() -> u8>) -> u8 {
    if let Some(load) = x { return load(); }
    let Some(load) = Some(load()) else { return 1 }; @@
    match load { load => load }
}
fn b() -> u8 {
    for load in [load()] { drop(load); } @@
    let c = |(load, _): (u8, u8)| load;
    load() @@
}
mod m {
    fn load() -> u8 { 2 }
    fn c() -> u8 { load() }
}
fn d<const N: usize>() -> u8 {
    fn load() -> u8 { 3 }
    load()
}
";
    marked("/a.rs", text, ("fn load", "fn fetch"));
}

#[test]
fn python() {
    let text = "\
def load():
    return 1


def a(x, *load):
    return load(x)


def b(x):
    with x as (load, _):
        return load()


def c(x):
    match x:
        case [load, _]:
            return load()


def d():
    return [load for load in load()]


def e():
    try:
        return load() @@
    except load() as error: @@
        return {load(): error} @@
";
    marked("/a.py", text, ("def load", "def fetch"));
}

#[test]
fn typescript() {
    let text = "\
function load(): number { return 1; }
type F = (load: number) => void;
function a({ x: load }: { x: () => number }) { return load(); }
function b() {
  if (load()) { @@
    const [load] = [() => 2];
    load();
  }
  return load(); @@
}
function c() {
  for (var [load] of []) {}
  return load();
}
const d = function load() { return load(); };
const e = (load = 1) => load;
try { } catch (load) { load(); }
class A<T> { m(load: T) { return load; } n() { return load(); } } @@
";
    for path in ["/a.ts", "/a.tsx"] {
        marked(path, text, ("function load", "function fetch"));
    }
}

#[test]
fn go() {
    let text = "\
package a

func load() int { return 1 }

func a(load func() int) int { return load() }

func b() int {
	load := load() @@
	return load
}

func c() int {
	for _, load := range []int{load()} { @@
		print(load)
	}
	if load := 1; load > 0 {
		return load
	}
	var x = func() int { return load() } @@
	switch load := any(x).(type) {
	case int:
		return load
	}
	return load() @@
}
";
    marked("/a.go", text, ("func load", "func fetch"));
}

#[test]
fn c() {
    let text = "\
int load(void) { return 1; }
#define TWICE(load) (load + load)
int a(int (*load)(void)) { return load(); }
int b(void) {
    int x = load(); @@
    int *load = &x;
    return *load;
}
int c(void) {
    x = load(); @@
    for (int load = 0; load < 3; load++) {}
    return load(); @@
}
";
    marked("/a.c", text, ("int load", "int fetch"));
    let text = "\
int load() { return 1; }
int a(int &load) { return load; }
int b() {
    auto f = [](int load) { return load; };
    for (auto &load : xs()) { use(load); }
    auto [load, y] = pair();
    return load;
}
template <typename T> int c(T t) { return load(); } @@
";
    marked("/a.cpp", text, ("int load", "int fetch"));
}

#[test]
fn java_and_csharp() {
    let text = "\
class A {
    int load() { return 1; }
    int a(int load) { return 1; }
    int b() { return load(); } @@
    int c() {
        int load = load(); @@
        return 1;
    }
}
";
    marked("/A.java", text, ("int load()", "int fetch()"));
    let text = "\
class Load {
    static int A(Load a) => 1; @@
    object B(object o) {
        if (o is string Load) { return Load; }
        System.Func<int, int> f = Load => Load;
        return new Load(); @@
    }
}
";
    let fixture = format!("//- /a.cs\n{}", text.replace(" @@", ""));
    check(
        &fixture,
        ("class Load", "class Fetch"),
        &["a.cs:2 static int A(Fetch a) => 1;", "a.cs:6 return new Fetch();"],
        &[],
    );
}

#[test]
fn an_invented_language() {
    let text = "\
function load(a) return a end
function b(load) return load(1) end
print(load(1), b) @@
";
    marked("/a.invented", text, ("function load", "function fetch"));
}

#[test]
fn without_a_query_only_calls_in_the_own_file_are_certain() {
    let lua = ("function load", "function fetch");
    marked("/a.lua", "function load(a)\n  return a\nend\nprint(load(1)) @@\n", lua);
    let unsure = &["a.lua:4 the scopes of this language are not known"];
    let taken = "//- /a.lua\nfunction load(a)\n  return a\nend\nload(fetch)\n";
    check(taken, lua, &[], unsure);
    let local = "//- /a.lua\nfunction load(a)\n  return a\nend\nlocal x = load\n";
    check(local, lua, &[], unsure);
    check(
        "//- /a.lua\nfunction load(a)\n  return a\nend\n//- /b.lua\nload(1)\n",
        lua,
        &[],
        &["b.lua:1 the scopes of this language are not known"],
    );
}
