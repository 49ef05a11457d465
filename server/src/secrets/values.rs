//! Whether a value is a secret or a placeholder: `hunter2` or `${PASSWORD}`, `changeme`, `user.password`.

use serde::Deserialize;

/// The required form of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Value {
    /// The form of the match is sufficient.
    #[default]
    Any,
    /// The password after a login: anything except common placeholders.
    Login,
    /// A password chosen by a person, in quotes.
    Password,
    /// The same without quotes, where it could be a name as well.
    Strong,
    /// A generated value.
    Random,
}

/// Placeholders for a secret, anywhere in a value.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "redacted",
    "insert",
    "dummy",
    "xxxx",
    "****",
    "....",
    "your-",
    "your_",
    "yourp",
    "yours",
    "yourt",
    "yourk",
    "my-secret",
    "mysecret",
    "deadbeef",
    "${",
    "#{",
    "{{",
    "$(",
    "<%",
    "%(",
    "process.env",
    "os.environ",
];

/// The same in short values only: a long one contains them by chance, or as an account's number.
const SEQUENCES: &[&str] = &["abcdefgh", "01234567", "12345678"];
/// The length of a short value.
const SHORT: usize = 24;

/// Common passwords, without trailing digits and signs.
const KNOWN: &[&str] = &[
    "",
    "abc",
    "admin",
    "adminadmin",
    "bar",
    "baz",
    "foo",
    "foobar",
    "default",
    "demo",
    "guest",
    "hello",
    "letmein",
    "login",
    "new",
    "none",
    "null",
    "old",
    "pass",
    "password",
    "passwd",
    "passw",
    "p@ssw",
    "p@ssword",
    "p@ss",
    "pwd",
    "postgres",
    "mysql",
    "mongo",
    "redis",
    "rabbitmq",
    "qwerty",
    "root",
    "sa",
    "sample",
    "secret",
    "test",
    "testing",
    "testpass",
    "testpassword",
    "tester",
    "token",
    "undefined",
    "user",
    "username",
    "true",
    "false",
    "welcome",
    "wrong",
    "wrongpassword",
    "wrongpass",
    "invalid",
    "newpassword",
    "oldpassword",
    "mypassword",
    "userpassword",
    "adminpassword",
    "correct",
    "string",
    "value",
    "somepassword",
    "apassword",
    "incorrect",
    "dbpassword",
    "dbpass",
    "mypass",
    "supersecret",
    "topsecret",
    "secretpassword",
    "port",
    "host",
];

/// Whether a value is a placeholder.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let contains = |word: &&str| lower.windows(word.len()).any(|piece| piece == word.as_bytes());
    let mut different = lower.clone();
    different.sort_unstable();
    different.dedup();
    different.len() < 3
        || value.len() >= 16 && different.len() < 6
        || PLACEHOLDERS.iter().any(contains)
        || value.len() < SHORT && SEQUENCES.iter().any(contains)
        || matches!(value, [b'$' | b'<' | b'%' | b'@', .., b'>' | b'%' | b'@'])
        || value.first() == Some(&b'$')
            && value[1..].iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

impl Value {
    /// Whether a value has this form.
    pub(super) fn fits(self, value: &[u8]) -> bool {
        match self {
            Value::Any => true,
            Value::Login => !is_known(value) && !value.contains(&b'$') && !value.contains(&b'{'),
            Value::Password => is_password_like(value) && !is_known(value),
            Value::Strong => {
                is_password_like(value) && !is_known(value) && kinds(value) >= 3 && !is_place(value)
            }
            Value::Random => is_random(value),
        }
    }
}

/// Whether a value is a well-known password. In a login, the part after the colon counts: `postgres:postgres`.
fn is_known(value: &[u8]) -> bool {
    let value = value.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    let lower = value.to_ascii_lowercase();
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'@';
    let end = lower.iter().rposition(is_letter).map_or(0, |last| last + 1);
    let stem: Vec<u8> = lower[..end].iter().copied().filter(|byte| !b"-_.".contains(byte)).collect();
    lower.len() < 20 && KNOWN.iter().any(|known| known.as_bytes() == stem)
}

/// Whether a value looks like a password that a person chose. A name (`user-password`), a path and code do not.
fn is_password_like(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let is_name = value.iter().all(|byte| byte.is_ascii_alphabetic() || b"-_./:#[]\\".contains(byte));
    let names_itself = value.to_ascii_lowercase().windows(4).any(|word| word == b"pass" || word == b"pwd_");
    !is_name
        && has(u8::is_ascii_alphanumeric)
        && value.is_ascii()
        && !value.starts_with(b"/")
        && !value.starts_with(b"./")
        && !value.windows(2).any(|pair| {
            pair == b"()"
                || pair == b"=>"
                || pair == b"::"
                || pair == b"%s"
                || pair == b"{}"
                || pair == b"\\n"
        })
        && (has(u8::is_ascii_digit) || value.len() >= 8 && has(is_sign))
        && (!names_itself || has(u8::is_ascii_digit))
}

/// `config.database.password1`.
fn is_place(value: &[u8]) -> bool {
    value.contains(&b'.') && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
}

fn is_sign(byte: &u8) -> bool {
    b"!@$%^&*+?~".contains(byte)
}

/// Kinds of characters: lower-case and upper-case letters, digits, signs.
fn kinds(value: &[u8]) -> usize {
    let kinds: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |byte| {
            !byte.is_ascii_alphanumeric()
        }];
    kinds.into_iter().filter(|kind| value.iter().any(kind)).count()
}

/// A run of letters mixed with digits, hexadecimal digits, or many signs; not words, versions or paths.
fn is_random(value: &[u8]) -> bool {
    if value.contains(&b'(') && value.contains(&b')') && !value.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(byte);
    let stretch =
        value.split(|byte| !byte.is_ascii_alphanumeric()).filter(|piece| piece.len() >= 8).any(is_mixed);
    let signs = value.iter().filter(|byte| !is_word(byte) && !b".:".contains(byte)).count();
    let is_url =
        value.windows(3).any(|word| word == b"://") || value.starts_with(b"/") || value.starts_with(b"./");
    (stretch || signs >= 3 && kinds(value) >= 3 && value.len() >= 16) && !is_url
}

/// Whether letters and digits alternate often, unlike in a word with a trailing number.
fn is_mixed(piece: &[u8]) -> bool {
    let kind = |byte: u8| {
        if byte.is_ascii_digit() {
            0
        } else if byte.is_ascii_lowercase() {
            1
        } else {
            2
        }
    };
    let digits = piece.iter().filter(|byte| byte.is_ascii_digit()).count();
    let turns = piece.windows(2).filter(|pair| (kind(pair[0]) == 0) != (kind(pair[1]) == 0)).count();
    let turns_of_case = piece.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    digits > 0 && digits < piece.len() && (turns >= 3 || turns >= 2 && turns_of_case * 4 >= piece.len())
}

/// The Shannon entropy, in bits per byte.
pub(super) fn entropy(value: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    value.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let length = value.len() as f32;
    let bits = |&count: &u32| {
        let share = count as f32 / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}
