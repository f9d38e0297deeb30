//! Text that cannot become markup.

/// Escapes text and sets its figures: no line break within one, and a real minus sign.
#[must_use]
pub fn typeset(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_digit =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_ascii_digit());
    let set = |(at, c): (usize, &char)| match c {
        ' ' if is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)) => '\u{202f}',
        '-' if is_digit(Some(at + 1)) && (at == 0 || matches!(chars[at - 1], ' ' | '(')) => {
            '\u{2212}'
        }
        ' ' if is_digit(at.checked_sub(1)) && is_unit(&chars[at + 1..]) => '\u{a0}',
        c => *c,
    };
    escape(&chars.iter().enumerate().map(set).collect::<String>())
}

/// Whether the text goes on with a unit, which belongs to the figure before it.
fn is_unit(rest: &[char]) -> bool {
    let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '%').collect();
    let currency = word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    currency
        || ["kWh", "MWh", "Wh", "kW", "W", "%", "ms", "s", "h", "min", "B", "KiB", "MiB"]
            .contains(&word.as_str())
}

/// Escapes text for HTML and SVG, inside elements and inside double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML forbids most control characters even when escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(escape("<b a=\"1\">'&\u{7}"), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;\u{fffd}");
    }

    #[test]
    fn figures_stay_whole() {
        assert_eq!(typeset("by -2 190.2 kWh, p-2"), "by \u{2212}2\u{202f}190.2\u{a0}kWh, p-2");
        assert_eq!(typeset("1 task"), "1 task");
    }
}
