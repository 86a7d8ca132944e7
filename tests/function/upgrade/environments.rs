//! Settings that the template wrote, or an operator. What this version does not know any more is refused
//! with a sentence that names the setting and what to write instead.

use std::collections::{BTreeMap, BTreeSet};

use s3_link_signer::Settings;

use super::fixtures::{WRITTEN_AT, all};

/// The environments, and the settings in them that this version refuses. None: the function starts.
const ENVIRONMENTS: &[(&str, &[Refused])] = &[
    ("by-hand-mailer", &[MAIL_LINK]),
    ("by-hand-signer", &[BASE_PATH, SHARE_OPEN_SECONDS]),
    ("default-signer", &[]),
    ("every-parameter-mailer", &[MAIL_FROM_NAME, MAIL_MIN_EXPIRES_IN, MAIL_SUBJECT]),
    ("every-parameter-signer", &[GRANTS_OBJECT, SHARE_OPEN_SECONDS]),
    ("mails-mailer", &[MAIL_MIN_EXPIRES_IN]),
    ("mails-signer", &[]),
    ("own-grants-mailer", &[MAIL_MIN_EXPIRES_IN]),
    ("own-grants-signer", &[SHARE_OPEN_SECONDS]),
    ("shares-and-mails-mailer", &[MAIL_LINK, MAIL_MIN_EXPIRES_IN]),
    ("shares-and-mails-signer", &[SHARE_OPEN_SECONDS]),
];

const GRANTS_OBJECT: Refused = Refused {
    setting: "GRANTS_OBJECT",
    says: "GRANTS=s3://bucket/key",
    instead: &[("GRANTS", "s3://my-config/grants.json")],
};

const MAIL_LINK: Refused = Refused {
    setting: "MAIL_LINK",
    says: "a mail brings a share where a grant with the action \"share\"",
    instead: &[],
};

const MAIL_FROM_NAME: Refused = Refused {
    setting: "MAIL_FROM_NAME",
    says: "MAIL_FROM=Example Ltd <files@example.com>",
    instead: &[("MAIL_FROM", "Example Ltd <files@example.com>")],
};

const MAIL_MIN_EXPIRES_IN: Refused =
    Refused { setting: "MAIL_MIN_EXPIRES_IN", says: "900 seconds at least", instead: &[] };

const MAIL_SUBJECT: Refused =
    Refused { setting: "MAIL_SUBJECT", says: "the subject is", instead: &[] };

const SHARE_OPEN_SECONDS: Refused =
    Refused { setting: "SHARE_OPEN_SECONDS", says: "\"max_expires_in\"", instead: &[] };

const BASE_PATH: Refused = Refused {
    setting: "BASE_PATH",
    says: "PUBLIC_URL=https://files.example.com/files",
    instead: &[("PUBLIC_URL", "https://api.example.com/files")],
};

/// A setting that this version refuses, such as
/// `Refused { setting: "OLD", says: "write NEW=…", instead: &[("NEW", "1")] }`.
struct Refused {
    /// The setting, which the sentence names.
    setting: &'static str,
    /// What the sentence says to write instead.
    says: &'static str,
    /// The settings that whoever reads it then writes. The function starts with them.
    instead: &'static [(&'static str, &'static str)],
}

/// What `CloudFormation` puts in place of the names of resources.
const RESOURCES: &[(&str, &str)] = &[
    ("<FilesBucket>", "files"),
    ("<SharesTable>", "shares"),
    ("<MailLedger>", "mails"),
    ("<LinkSessionRole.Arn>", "arn:aws:iam::123456789012:role/links-LinkSessionRole"),
    ("<MailedLinkSessionRole.Arn>", "arn:aws:iam::123456789012:role/links-MailedLinkSessionRole"),
];

/// What the execution environment has besides.
const LAMBDA: &[(&str, &str)] = &[
    ("AWS_REGION", "eu-central-1"),
    ("AWS_LAMBDA_FUNCTION_NAME", "links"),
    ("AWS_ACCESS_KEY_ID", "ASIALINKS"),
    ("AWS_SECRET_ACCESS_KEY", "SecretThatNobodyMaySee"),
    ("AWS_SESSION_TOKEN", "TokenThatNobodyMaySee"),
];

pub(crate) type Variables = BTreeMap<String, String>;

/// The environment as it was written.
fn written(name: &str) -> Variables {
    let mut variables = all::<Variables>("environments").remove(name).expect(name);
    for value in variables.values_mut() {
        for (resource, physical) in RESOURCES {
            *value = value.replace(resource, physical);
        }
        assert!(!value.contains('<'), "{value}");
    }
    let lambda = LAMBDA.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    variables.extend(lambda);
    variables
}

/// The environment, with what this version's sentences say to write instead.
pub(crate) fn with_what_is_refused_replaced(name: &str) -> Variables {
    let (_, refused) = ENVIRONMENTS.iter().find(|(known, _)| *known == name).expect(name);
    let mut variables = written(name);
    for Refused { setting, instead, .. } in *refused {
        replace(&mut variables, setting, instead);
    }
    variables
}

/// Whether this version refuses a setting of an environment.
pub(crate) fn refuses(environment: &str, setting: &str) -> bool {
    let (_, refused) = ENVIRONMENTS.iter().find(|(known, _)| *known == environment).unwrap();
    refused.iter().any(|refused| refused.setting == setting)
}

fn replace(variables: &mut Variables, setting: &str, instead: &[(&str, &str)]) {
    variables.remove(setting);
    variables.extend(instead.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
}

#[test]
fn every_environment_starts_the_function_or_is_refused_with_what_to_write_instead() {
    for (name, refused) in ENVIRONMENTS {
        let mut variables = written(name);
        let mut refused: Vec<_> = refused.iter().collect();
        loop {
            let variable = |name: &str| variables.get(name).cloned();
            let Err(error) = Settings::read(variable, WRITTEN_AT.parse().unwrap()) else { break };
            let sentence = error.to_string();
            let index = refused.iter().position(|refused| {
                sentence.contains(refused.setting) && sentence.contains(refused.says)
            });
            let index = index.unwrap_or_else(|| panic!("{name}: {sentence}"));
            let Refused { setting, instead, .. } = refused.remove(index);
            replace(&mut variables, setting, instead);
        }
        let left: Vec<_> = refused.iter().map(|refused| refused.setting).collect();
        assert!(left.is_empty(), "{name} starts, although it has {left:?}");
    }
}

#[test]
fn the_table_names_each_environment() {
    let files: BTreeSet<_> = all::<Variables>("environments").into_keys().collect();
    let named: BTreeSet<_> = ENVIRONMENTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, named);
}
