//! Endpoints of other services than AWS's: `AWS_ENDPOINT_URL…` and `S3_PUBLIC_ENDPOINT`.

use super::SettingsError;

const FORM: &str = "write it as https://s3.example.com or http://minio:9000, with its scheme, a host in \
                    ASCII, and neither query nor spaces";

const WITHOUT_USER: &str = "write it as https://host:port, without what stands before the @. The \
                            credentials that sign are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// The URL of an endpoint, with its scheme and its host in small letters: browsers send a host so, and
/// it is signed as it is sent. A path stays as it is written.
///
/// # Errors
///
/// [`SettingsError::Endpoint`], which does not repeat the value: it may hold a password.
pub(super) fn parse(name: &str, value: &str) -> Result<String, SettingsError> {
    let wrong = |problem, fix| SettingsError::Endpoint { name: name.to_owned(), problem, fix };
    let value = value.trim();
    let (scheme, rest) = value.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // Without a scheme, what stands before the `@` may be a password all the same.
    if authority.contains('@') || (scheme.is_empty() && value.contains('@')) {
        return Err(wrong("holds a user name or a password", WITHOUT_USER));
    }
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(wrong("does not begin with http:// or https://", FORM));
    }
    if !is_authority(authority) || !is_path(path) {
        return Err(wrong("is not the URL of an endpoint", FORM));
    }
    Ok(format!("{scheme}://{}{path}", authority.to_ascii_lowercase()))
}

/// Whether this is a host's name or address, with or without a port. IPv6 addresses have brackets.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0);
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    !host.is_empty() && is_host && port.is_none_or(is_port)
}

fn is_path(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"\\<>".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_host_are_lowered_and_nothing_else_is() {
        for (written, expected) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://MyHost:9000", "http://myhost:9000"),
            (" HTTPS://S3.Example.COM/With/A/Path/ ", "https://s3.example.com/With/A/Path/"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://[FE80::1]", "http://[fe80::1]"),
            ("http://minio_1:9000/", "http://minio_1:9000/"),
        ] {
            assert_eq!(parse("AWS_ENDPOINT_URL_S3", written).unwrap(), expected);
        }
    }

    #[test]
    fn an_endpoint_of_another_form_is_refused_with_the_form_and_without_its_words() {
        for (written, problem) in [
            ("nonsense", "does not begin with http:// or https://: write it as https://"),
            ("secrethost:9000", "does not begin with http:// or https://"),
            ("//secrethost:9000", "does not begin with http:// or https://"),
            ("ftp://secrethost", "does not begin with http:// or https://"),
            ("http://user:secret@host:9000", "holds a user name or a password: write it as"),
            ("user:secret@host:9000", "holds a user name or a password"),
            ("https://secret@host", "holds a user name or a password"),
            ("http://", "is not the URL of an endpoint"),
            ("http://:9000", "is not the URL of an endpoint"),
            ("http://secret host", "is not the URL of an endpoint"),
            ("http://secret:port", "is not the URL of an endpoint"),
            ("http://secret:0", "is not the URL of an endpoint"),
            ("http://secret:99999", "is not the URL of an endpoint"),
            ("http://[secret]", "is not the URL of an endpoint"),
            ("http://secreté", "is not the URL of an endpoint"),
            ("http://secret/?a=b", "is not the URL of an endpoint"),
            ("http://secret?a", "is not the URL of an endpoint"),
            ("http://secret/a\"b", "is not the URL of an endpoint"),
        ] {
            let sentence = parse("AWS_ENDPOINT_URL_STS", written).unwrap_err().to_string();
            let expected = format!("AWS_ENDPOINT_URL_STS {problem}");
            assert!(sentence.starts_with(&expected), "{written}: {sentence}");
            assert!(!sentence.contains("secret"), "{sentence}");
        }
    }
}
