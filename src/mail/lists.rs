//! Lists of mail addresses as people and mail programs write them: separated by commas or semicolons, each
//! alone or as `Name <name@example.com>`.
//!
//! Names are passed over. Nothing here decides what is an address.

/// The addresses of a list as they are written, with their names. Commas and semicolons in a quoted name
/// (`"Doe, Jane" <jane@example.com>`) separate nothing, if the quotes end in the list.
pub(super) fn addresses(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    let next = move || {
        let list = rest?;
        let (address, after) = match end_of_first(list) {
            Some(end) => (&list[..end], Some(&list[end + 1..])),
            None => (list, None),
        };
        rest = after;
        Some(address)
    };
    std::iter::from_fn(next).filter(|written| !written.trim().is_empty())
}

/// Where the separator behind the first address stands.
fn end_of_first(list: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = from + list[from..].find([',', ';', '"'])?;
        if !list[found..].starts_with('"') {
            return Some(found);
        }
        // Quotes that do not end quote nothing.
        from = found + 1;
        from += list[from..].find('"').map_or(0, |end| end + 1);
    }
}

/// The address of `Name <name@example.com>`, and every other text as it is.
pub(super) fn without_name(written: &str) -> &str {
    let written = written.trim();
    let Some((name, address)) = written.strip_suffix('>').and_then(|text| text.rsplit_once('<'))
    else {
        return written;
    };
    let is_name = is_quoted(name.trim()) || !name.contains(['<', '>', '"', '@', '(', ')']);
    if is_name { address } else { written }
}

/// Whether a text is one quoted name. A quote in it has a backslash before it (RFC 5322, section 3.2.4).
fn is_quoted(name: &str) -> bool {
    let inside = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    inside.is_some_and(|inside| !inside.contains('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<&str> {
        addresses(list).map(without_name).collect()
    }

    #[test]
    fn lists_are_read_as_people_and_mail_programs_write_them() {
        for (list, expected) in [
            ("a@example.com", &["a@example.com"] as &[_]),
            ("a@x.com, b@x.com;c@x.com ; ,", &["a@x.com", "b@x.com", "c@x.com"]),
            ("Alice <a@x.com>; Bob Smith<b@x.com>", &["a@x.com", "b@x.com"]),
            (r#""Doe, Jane" <j@x.com>, <b@x.com>"#, &["j@x.com", "b@x.com"]),
            (r#""a;b@c" <j@x.com>;k@x.com"#, &["j@x.com", "k@x.com"]),
            ("Zoë <z@x.com>", &["z@x.com"]),
            ("", &[]),
            (" ;, ", &[]),
        ] {
            assert_eq!(read(list), expected, "{list}");
        }
    }

    #[test]
    fn what_could_hide_a_second_address_is_left_as_it_is() {
        for list in [
            "a@x.com <b@x.com>",
            "<a@x.com> <b@x.com>",
            r#""a" b@x.com" <c@x.com>"#,
            "a@x.com>",
            "A <a@x.com> (b)",
            "(A) <a@x.com>",
        ] {
            assert_eq!(read(list), [list], "{list}");
        }
        // Quotes that do not end hide nobody behind them.
        assert_eq!(read(r#""a, b@x.com"#), [r#""a"#, "b@x.com"]);
    }
}
