//! Manifests: the locations of a project's modules.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;

/// The parts of a manifest that are needed to resolve imports. Paths are relative to its folder, with
/// slashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manifest {
    /// `Cargo.toml`.
    Cargo {
        /// The package, as its manifest spells it; empty for a workspace without one.
        package: Box<str>,
        /// The library as code writes it: `phi_ls`.
        name: Box<str>,
        /// The library's root file: `src/lib.rs`.
        library: Box<str>,
        /// Renamed dependencies: the name in code, and the package.
        renamed: Vec<(Box<str>, Box<str>)>,
    },
    /// `go.mod`.
    Go {
        /// The module's path: `example.com/shapes`.
        module: Box<str>,
        /// Modules that are replaced by a folder: their path, and the folder.
        replaced: Vec<(Box<str>, Box<str>)>,
    },
    /// `tsconfig.json`, `tsconfig.app.json`, `jsconfig.json`.
    TypeScript {
        /// The local configurations that this one extends, the last one first.
        extends: Vec<Box<str>>,
        /// `baseUrl`: the base folder of non-relative paths.
        base: Option<Box<str>>,
        /// `paths`: the import pattern, with `*` for any text, and the candidate paths.
        paths: Vec<(Box<str>, Vec<Box<str>>)>,
    },
    /// `package.json` with a name.
    Package {
        /// Its name: `@shop/till`.
        name: Box<str>,
        /// The candidate paths of the package itself, the most likely first.
        entries: Vec<Box<str>>,
        /// `exports` and `imports` except the package itself: the import pattern, with `*` for any text, and the paths.
        paths: Vec<(Box<str>, Box<str>)>,
    },
    /// `pyproject.toml`, `setup.cfg`.
    Python {
        /// The folders of packages, if they are not next to the manifest.
        roots: Vec<Box<str>>,
    },
    /// `composer.json` with `psr-4`.
    Composer {
        /// The prefix of a namespace, and its folder.
        roots: Vec<(Box<str>, Box<str>)>,
    },
}

/// The most folders, paths and dependencies of one manifest.
const MOST: usize = 512;

/// Parses a manifest; `None` if the file is not one, is invalid, or has nothing that imports need.
pub fn manifest(path: &Path, text: &str) -> Option<Manifest> {
    match path.file_name()?.to_str()? {
        "Cargo.toml" => cargo(&text.parse().ok()?),
        "go.mod" => go(text),
        "package.json" => package(&json::parse(text)?),
        "composer.json" => composer(&json::parse(text)?),
        "pyproject.toml" => Some(pyproject(&text.parse().ok()?)),
        "setup.cfg" => Some(setup(text)),
        name if is_typescript(name) => typescript(&json::parse(text)?),
        _ => None,
    }
}

/// `tsconfig.json`, `tsconfig.app.json`, `jsconfig.json`.
pub fn is_typescript(name: &str) -> bool {
    name == "jsconfig.json" || (name.starts_with("tsconfig") && name.ends_with(".json"))
}

fn cargo(table: &toml::Table) -> Option<Manifest> {
    let text = |of: &str, key: &str| table.get(of)?.get(key)?.as_str();
    let package = text("package", "name").unwrap_or("");
    let mut renamed = Vec::new();
    let places = [
        table.get("workspace").and_then(|workspace| workspace.get("dependencies")),
        table.get("dependencies"),
        table.get("dev-dependencies"),
        table.get("build-dependencies"),
    ];
    for (name, dependency) in places.into_iter().flatten().filter_map(toml::Value::as_table).flatten() {
        if let Some(package) = dependency.get("package").and_then(toml::Value::as_str) {
            renamed.push((name.replace('-', "_").into(), package.into()));
        }
    }
    renamed.truncate(MOST);
    (!package.is_empty() || !renamed.is_empty()).then(|| Manifest::Cargo {
        package: package.into(),
        name: text("lib", "name").unwrap_or(package).replace('-', "_").into(),
        library: text("lib", "path").unwrap_or("src/lib.rs").into(),
        renamed,
    })
}

fn go(text: &str) -> Option<Manifest> {
    let mut module = None;
    let mut replaced = Vec::new();
    let mut block = "";
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or("").trim();
        let words = |line: &'_ str| -> Vec<String> {
            line.split_whitespace().map(|word| word.trim_matches(['"', '`']).to_owned()).collect()
        };
        let words = words(line);
        let (directive, rest) = match words.split_first() {
            Some((directive, [open])) if open == "(" => {
                block = if directive == "replace" { "replace" } else { "other" };
                continue;
            }
            Some((close, [])) if close == ")" => {
                block = "";
                continue;
            }
            Some((directive, rest)) if block.is_empty() => (directive.as_str(), rest),
            _ => (block, &words[..]),
        };
        match (directive, rest) {
            ("module", [path]) => module = Some(path.as_str().into()),
            ("replace", rest) => {
                let arrow = rest.iter().position(|word| word == "=>");
                if let (Some(path), Some(folder)) = (rest.first(), arrow.and_then(|at| rest.get(at + 1)))
                    && folder.starts_with('.')
                {
                    replaced.push((path.as_str().into(), folder.as_str().into()));
                }
            }
            _ => {}
        }
    }
    replaced.truncate(MOST);
    Some(Manifest::Go { module: module?, replaced })
}

fn typescript(value: &Value) -> Option<Manifest> {
    let options = value.get("compilerOptions");
    let option = |key: &str| options.and_then(|options| options.get(key));
    // The last one wins.
    let mut extends = strings(value.get("extends"));
    extends.retain(|path| path.starts_with('.'));
    extends.reverse();
    let paths = option("paths").and_then(Value::as_object);
    let paths = paths.into_iter().flatten().take(MOST);
    let manifest = Manifest::TypeScript {
        extends,
        base: option("baseUrl").and_then(Value::as_str).map(Box::from),
        paths: paths.map(|(pattern, places)| (pattern.as_str().into(), strings(Some(places)))).collect(),
    };
    let says_nothing = Manifest::TypeScript { extends: Vec::new(), base: None, paths: Vec::new() };
    (manifest != says_nothing).then_some(manifest)
}

fn package(value: &Value) -> Option<Manifest> {
    let name = value.get("name")?.as_str()?;
    let mut entries = Vec::new();
    let mut paths = Vec::new();
    let mut subpath = |pattern: &str, target: &Value, entries: &mut Vec<Box<str>>| {
        for target in targets(target) {
            match pattern {
                "." => entries.push(target.into()),
                _ => paths.push((pattern.trim_start_matches("./").into(), target.into())),
            }
        }
    };
    match value.get("exports") {
        Some(Value::Object(exports)) if exports.keys().any(|key| key.starts_with('.')) => {
            exports.iter().for_each(|(pattern, target)| subpath(pattern, target, &mut entries));
        }
        Some(exports) => subpath(".", exports, &mut entries),
        None => {}
    }
    for (pattern, target) in value.get("imports").and_then(Value::as_object).into_iter().flatten() {
        subpath(pattern, target, &mut entries);
    }
    let fields = ["source", "types", "typings", "module", "main"];
    entries.extend(fields.iter().filter_map(|field| value.get(field)?.as_str()).map(Box::from));
    entries.truncate(MOST);
    paths.truncate(MOST);
    Some(Manifest::Package { name: name.into(), entries, paths })
}

/// The candidate paths of a target of `exports`, for all its conditions (`import`, `types`).
fn targets(target: &Value) -> Vec<&str> {
    match target {
        Value::String(path) => vec![path],
        Value::Object(conditions) => conditions.values().flat_map(targets).collect(),
        Value::Array(targets) => targets.iter().flat_map(self::targets).collect(),
        _ => Vec::new(),
    }
}

fn composer(value: &Value) -> Option<Manifest> {
    let mut roots = Vec::new();
    for autoload in ["autoload", "autoload-dev"] {
        let table = value.get(autoload).and_then(|autoload| autoload.get("psr-4")).and_then(Value::as_object);
        for (namespace, folders) in table.into_iter().flatten() {
            let folders = strings(Some(folders)).into_iter();
            roots.extend(folders.map(|folder| (namespace.trim_matches('\\').into(), folder)));
        }
    }
    roots.truncate(MOST);
    (!roots.is_empty()).then_some(Manifest::Composer { roots })
}

fn pyproject(table: &toml::Table) -> Manifest {
    let at = |path: &[&str]| {
        let mut value = table.get(*path.first()?)?;
        for key in &path[1..] {
            value = value.get(key)?;
        }
        Some(value)
    };
    let texts = |value: Option<&toml::Value>| -> Vec<String> {
        let list = value.and_then(toml::Value::as_array).map_or(&[][..], |list| list);
        list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    let mut roots = texts(at(&["tool", "setuptools", "packages", "find", "where"]));
    let single = [
        &["tool", "setuptools", "package-dir", ""][..],
        &["tool", "pdm", "build", "package-dir"],
        &["tool", "maturin", "python-source"],
        &["tool", "uv", "build-backend", "module-root"],
    ];
    roots.extend(single.iter().filter_map(|path| Some(at(path)?.as_str()?.to_owned())));
    let packages = at(&["tool", "poetry", "packages"]).and_then(toml::Value::as_array);
    let from = |package: &toml::Value| Some(package.get("from")?.as_str()?.to_owned());
    roots.extend(packages.into_iter().flatten().filter_map(from));
    for package in texts(at(&["tool", "hatch", "build", "targets", "wheel", "packages"])) {
        roots.extend(package.rsplit_once('/').map(|(root, _)| root.to_owned()));
    }
    python(roots)
}

/// `setup.cfg`: `package_dir` of `[options]` and `where` of `[options.packages.find]`.
fn setup(text: &str) -> Manifest {
    let mut roots = Vec::new();
    let (mut section, mut key) = ("", "");
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            (section, key) = (name, "");
            continue;
        }
        let value = if line.starts_with(char::is_whitespace) {
            line.trim()
        } else {
            let Some((name, value)) = line.split_once('=') else { continue };
            key = name.trim();
            value.trim()
        };
        match (section, key) {
            ("options", "package_dir") => {
                roots.extend(value.strip_prefix('=').map(|root| root.trim().to_owned()))
            }
            ("options.packages.find", "where") => roots.push(value.to_owned()),
            _ => {}
        }
    }
    python(roots)
}

fn python(mut roots: Vec<String>) -> Manifest {
    roots.retain(|root| !root.is_empty() && root != ".");
    roots.sort();
    roots.dedup();
    roots.truncate(MOST);
    Manifest::Python { roots: roots.into_iter().map(Box::from).collect() }
}

/// A string, or a list of strings.
fn strings(value: Option<&Value>) -> Vec<Box<str>> {
    match value {
        Some(Value::String(text)) => vec![text.as_str().into()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).take(MOST).map(Box::from).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Option<Manifest> {
        let found = manifest(&Path::new("/w").join(name), text);
        // In the encoding of the index on disk.
        let bytes = postcard::to_stdvec(&found).expect("it is written");
        assert_eq!(postcard::from_bytes::<Option<Manifest>>(&bytes).expect("it is read"), found);
        found
    }

    #[test]
    fn python_roots_are_found_wherever_a_build_tool_keeps_them() {
        let expected = Some(Manifest::Python { roots: vec!["code".into()] });
        for text in [
            "[tool.setuptools.packages.find]\nwhere = ['code', '.']",
            "[tool.setuptools.package-dir]\n'' = 'code'",
            "[tool.pdm.build]\npackage-dir = 'code'",
            "[tool.maturin]\npython-source = 'code'",
            "[tool.uv.build-backend]\nmodule-root = 'code'",
            "[tool.poetry]\npackages = [{ include = 'shop', from = 'code' }, { include = 'other' }]",
            "[tool.hatch.build.targets.wheel]\npackages = ['code/shop', 'other']",
        ] {
            assert_eq!(read("pyproject.toml", text), expected, "{text}");
        }
        for text in [
            "[options]\npackage_dir =\n  = code\n  shop.extra = extra",
            "[options]\npackage_dir = =code",
            "[options.packages.find]\nwhere = code\nexclude =\n  tests",
        ] {
            assert_eq!(read("setup.cfg", text), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_manifest_is_none() {
        let names =
            ["Cargo.toml", "go.mod", "package.json", "composer.json", "tsconfig.json", "pyproject.toml"];
        for text in ["[", "{", "\0", "module", "[[[[", "{\"name\": 1}", "package = 1\nname"] {
            for name in names {
                assert_eq!(read(name, text), None, "{name}: {text}");
            }
        }
        assert_eq!(read("other.toml", "[package]\nname = 'a'"), None);
        assert_eq!(read("tsconfig.json", "{ \"files\": [] }"), None);
    }
}
