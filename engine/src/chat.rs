//! The chat format of a model, read from the Jinja template of its file (`tokenizer.chat_template`).
//!
//! A template turns messages into one text. A prompt of ours consists of parts, so that equal leading parts are equal leading
//! tokens. So the template is rendered with marks in place of the messages, and the text between the marks is the format.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

/// The text around the turns of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatFormat {
    /// Before the system text; `None`: the model has no system turn, and the system text begins the first turn of the user.
    pub system: Option<String>,
    /// Before the first turn of the user: after the system text, if there is a system turn.
    pub first_user: String,
    /// The same in a chat without a system text.
    pub only_user: String,
    /// Between the user's text and the answer.
    pub assistant: String,
    /// Between an answer and the user's next text.
    pub user: String,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChatTemplateError {
    /// It is not valid, or calls something unknown.
    #[error("the chat template cannot be rendered: {}", summary(.0))]
    Template(#[from] Error),
    /// The text of a message is not in its output, or not in order.
    #[error("the chat template changes the messages or their order")]
    Messages,
}

fn summary(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// Stand for the texts of messages. A template may strip white space around a message, so they have none.
const SYSTEM: &str = "%[system-text]%";
const USER: &str = "%[user-text]%";
const ANSWER: &str = "%[answer-text]%";
const NEXT: &str = "%[next-text]%";

impl ChatFormat {
    /// The format of a template. `begin` and `end` are the spellings of the tokens that it may name `bos_token` and
    /// `eos_token`. Thinking aloud is turned off.
    ///
    /// # Errors
    /// The template is invalid, or does not contain the messages in order.
    pub(crate) fn of_template(
        template: &str,
        begin: &str,
        end: &str,
    ) -> Result<ChatFormat, ChatTemplateError> {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        // As transformers renders them.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        let refuse = |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        };
        // A file may come from anywhere: no endless template.
        environment.set_fuel(Some(1_000_000));
        environment.add_function("raise_exception", refuse);
        // Templates use it for the date of today, which would change the prompt each day.
        environment.add_function("strftime_now", |_: String| "");
        environment.add_template("chat", template)?;
        let template = environment.get_template("chat")?;
        let render = |messages: &[(&str, &str)], add_generation_prompt: bool| {
            let messages: Vec<_> =
                messages.iter().map(|&(role, content)| context! { role, content }).collect();
            template.render(context! {
                messages, add_generation_prompt,
                bos_token => begin, eos_token => end,
                enable_thinking => false, thinking => false,
            })
        };
        // Some templates drop a system message or refuse it.
        let with_system = render(&[("system", SYSTEM), ("user", USER)], true);
        let has_system = with_system.as_ref().is_ok_and(|text| text.contains(SYSTEM));
        let first: &[_] = if has_system { &[("system", SYSTEM), ("user", USER)] } else { &[("user", USER)] };
        let opened = if has_system { with_system? } else { render(first, true)? };
        let (system, rest) = match has_system {
            true => split(&opened, SYSTEM).map(|(before, rest)| (Some(before.to_owned()), rest))?,
            false => (None, &*opened),
        };
        let (first_user, assistant) = split(rest, USER)?;
        let longer = render(&[first, &[("assistant", ANSWER), ("user", NEXT)]].concat(), true)?;
        let (_, rest) = split(&longer, ANSWER)?;
        let (user, _) = split(rest, NEXT)?;
        let mut assistant = assistant.to_owned();
        if assistant.trim_end().ends_with("<think>") {
            assistant.truncate(assistant.trim_end().len());
            assistant.push_str("\n\n</think>\n\n");
        }
        let without_system = if has_system { render(&[("user", USER)], true)? } else { opened.clone() };
        let (only_user, _) = split(&without_system, USER)?;
        let [first_user, only_user, user] = [first_user, only_user, user].map(str::to_owned);
        Ok(ChatFormat { system, first_user, only_user, assistant, user })
    }
}

/// What comes before and after the only occurrence of a mark.
fn split<'a>(text: &'a str, mark: &str) -> Result<(&'a str, &'a str), ChatTemplateError> {
    let (before, after) = text.split_once(mark).ok_or(ChatTemplateError::Messages)?;
    if after.contains(mark) { Err(ChatTemplateError::Messages) } else { Ok((before, after)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(template: &str) -> ChatFormat {
        ChatFormat::of_template(template, "<s>", "</s>").expect("a format")
    }

    fn texts(format: &ChatFormat) -> [&str; 4] {
        [format.system.as_deref().unwrap_or("none"), &format.first_user, &format.assistant, &format.user]
    }

    /// SmolLM2-Instruct.
    const CHATML: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
        {{ '<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n' }}{% endif %}\
        {{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    #[test]
    fn the_text_between_the_messages_is_the_format() {
        assert_eq!(
            texts(&format(CHATML)),
            [
                "<|im_start|>system\n",
                "<|im_end|>\n<|im_start|>user\n",
                "<|im_end|>\n<|im_start|>assistant\n",
                "<|im_end|>\n<|im_start|>user\n"
            ]
        );
        let default = "<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n<|im_start|>user\n";
        assert_eq!(format(CHATML).only_user, default);
        // Llama 3 names the first token and trims messages; methods of Python strings work.
        let llama = "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + \
            '<|end_header_id|>\n\n' + message['content'].strip() + '<|eot_id|>' }}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
        assert_eq!(
            texts(&format(llama)),
            [
                "<s><|start_header_id|>system<|end_header_id|>\n\n",
                "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
                "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
                "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
            ]
        );
    }

    #[test]
    fn a_template_without_a_system_turn_gets_none() {
        let refuses = "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}\
            {{ raise_exception('no system role') }}{% elif message['role'] == 'user' %}\
            {{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}\
            {% endif %}{% endfor %}";
        assert_eq!(texts(&format(refuses)), ["none", "<s>[INST] ", " [/INST]", "</s>[INST] "]);
        let drops = "{% for message in messages %}{% if message['role'] != 'system' %}\
            {{ '<' + message['role'] + '>' + message['content'] }}{% endif %}{% endfor %}<assistant>";
        assert_eq!(texts(&format(drops)), ["none", "<user>", "<assistant>", "<user>"]);
    }

    #[test]
    fn no_model_thinks_aloud() {
        let told = "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] }}{% endfor %}\
            <assistant>{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}\
            {% endif %}";
        assert_eq!(format(told).assistant, "<assistant><think>\n\n</think>\n\n");
        let always = "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] }}{% endfor %}\
            {{ '<assistant><think>\n' }}";
        assert_eq!(format(always).assistant, "<assistant><think>\n\n</think>\n\n");
    }

    #[test]
    fn a_template_that_does_not_fit_is_an_error() {
        let error =
            |template: &str| ChatFormat::of_template(template, "", "").expect_err("an error").to_string();
        assert!(error("{% for %}").contains("cannot be rendered"));
        assert!(error("{{ messages[0].content | nothing }}").contains("nothing"));
        assert_eq!(error("no messages"), "the chat template changes the messages or their order");
        assert_eq!(error("{{ messages[0].content }}{{ messages[0].content }}"), error("no messages"));
        assert!(error("{{ raise_exception('never') }}").contains("never"));
        // A template may not run for ever.
        assert!(
            error("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")
                .contains("fuel")
        );
    }
}
