//! Every kind of problem that a request can get, in one table: its code, its HTTP status, its title, how
//! severe it is, and what it counts as.
//!
//! An error says its kind, and the table says the rest. JSON, pages, log lines and metrics all read it.

/// How severe a problem is, which is the level of its log line. It says whose the cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The caller's. The problem's detail may repeat what the caller wrote, which may be anything.
    Info,
    /// AWS's: a service refused a call or did not answer.
    Warn,
    /// This function's, or that of its operator's settings.
    Error,
}

impl Severity {
    /// Whether a problem's detail is logged. What a caller wrote is not.
    #[must_use]
    pub fn logs_detail(self) -> bool {
        self != Self::Info
    }
}

/// A metric that counts problems of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemMetric {
    /// Nothing proves how long the session lasts.
    SessionUnproven,
    /// The window would be too short.
    WindowsTooShort,
}

/// What a refused request was about. It decides the message of the log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A link, the session that signs links, or nothing that there is.
    Link,
    /// A share.
    Share,
    /// An upload.
    Upload,
}

impl Subject {
    /// The message of the log line.
    #[must_use]
    pub fn refused(self) -> &'static str {
        match self {
            Self::Link => "link refused",
            Self::Share => "share refused",
            Self::Upload => "upload refused",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy)]
struct Row {
    status: u16,
    code: &'static str,
    title: &'static str,
    severity: Severity,
    metric: Option<ProblemMetric>,
    retry_after: Option<u64>,
}

impl Row {
    fn new(status: u16, code: &'static str, title: &'static str, severity: Severity) -> Self {
        Self { status, code, title, severity, metric: None, retry_after: None }
    }

    fn metric(self, metric: ProblemMetric) -> Self {
        Self { metric: Some(metric), ..self }
    }

    /// `seconds` is what `Retry-After` says.
    fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

/// Makes the kinds and their rows from one list.
macro_rules! problems {
    ($(
        $(#[doc = $doc:literal])+
        $kind:ident: $status:literal $code:literal, $title:literal, $severity:ident
        $(, metric $metric:ident)? $(, retry after $seconds:literal)?;
    )+) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ProblemKind {
            /// All kinds, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row::new($status, $code, $title, Severity::$severity)
                        $(.metric(ProblemMetric::$metric))? $(.retry_after($seconds))?,)+
                }
            }
        }
    };
}

problems! {
    /// The request is not valid. The detail says where.
    InvalidRequest: 400 "invalid-request", "The request can't be understood", Info;
    /// No gateway authenticated the caller, and the request needs one that did.
    Unauthenticated: 401 "unauthenticated", "Nobody is signed in", Info;
    /// No grant covers the object, or its old version.
    NotGranted: 403 "not-granted", "No grant covers this", Info;
    /// The grant allows uploads, but not this one. The detail says what it allows.
    UploadNotAllowed: 403 "upload-not-allowed", "The grant allows no such upload", Info;
    /// The path is no route.
    NoSuchRoute: 404 "no-such-route", "No such route", Info;
    /// The path is a route, but not for this method.
    MethodNotAllowed: 405 "method-not-allowed", "This route has another method", Info;
    /// No window as long as the caller wants at least can be kept.
    WindowTooShort: 409 "window-too-short", "The link would end too soon", Info, metric WindowsTooShort;
    /// The answer is larger than Lambda can return.
    AnswerTooLarge: 413 "answer-too-large", "The answer is too large", Info;
    /// Browsers would ask S3 for another key.
    KeyNotLinkable: 422 "key-not-linkable", "This key can't be linked to", Info;
    /// S3 refused the link when it was opened once, or did not tell the current version.
    ObjectUnavailable: 422 "object-unavailable", "The link would not open", Warn;

    /// This function broke a rule of its own. The error is a bug.
    Internal: 500 "internal", "This function has a bug", Error;
    /// A setting is wrong or missing.
    Misconfigured: 500 "misconfigured", "The function's settings are wrong", Error;
    /// S3, STS or the provider of credentials did not answer as it must.
    Upstream: 502 "upstream", "An AWS service did not answer as expected", Warn;
    /// Nothing proves how long the session lasts that would sign.
    SessionUnproven: 503 "session-unproven", "The session's end is not proven", Error, metric SessionUnproven;
    /// The operator wants no link without the bucket's policy, and it can't be read.
    PolicyUnreadable: 503 "policy-unreadable", "The bucket's policy can't be read", Warn;
    /// S3 or STS did not answer before the invocation's end.
    OutOfTime: 504 "upstream", "An AWS service did not answer as expected", Warn;

    /// The share has a passcode and none was given.
    PasscodeWanted: 403 "passcode-wanted", "The right passcode is wanted", Info;
    /// The passcode is another one.
    PasscodeWrong: 403 "passcode-wrong", "The right passcode is wanted", Info;
    /// The caller has no such share, or no share has this address.
    NoSuchShare: 404 "no-such-share", "No such share", Info;
    /// The owner wants a change of a share that was revoked for good.
    ShareRevoked: 409 "share-revoked", "The share is revoked", Info;
    /// The share's time is over.
    ShareEnded: 410 "share-ended", "The share opens nothing any more", Info;
    /// The share was downloaded as often as its owner allowed.
    ShareUsedUp: 410 "share-used-up", "The share opens nothing any more", Info;
    /// The share was taken back, its owner may not share the file any more, or the file is gone.
    ShareWithdrawn: 410 "share-withdrawn", "The share opens nothing any more", Info;
    /// The passcode was wrong too often. The share's lock says when the next one may be tried.
    ShareLocked: 429 "share-locked", "The share is locked for a while", Info;
    /// As many passcodes are being looked at as may be wrong.
    ShareBusy: 503 "share-busy", "Others are trying passcodes", Info, retry after 2;
    /// The bucket's policy opens the file only when a scan has ended.
    ShareBeingScanned: 503 "share-being-scanned", "The file is still being scanned", Info, retry after 60;
    /// The table or another service is away, and the file can't be given at this moment.
    ShareUnavailable: 503 "share-unavailable", "An AWS service did not answer as expected", Warn, retry after 30;
}

impl ProblemKind {
    /// The stable name that programs match on and logs use.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// A few words for people, the same for every problem of this code. They may improve.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// How severe it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    /// Whether the cause is this function's, its operator's or AWS's, and no caller's.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.status() >= 500 && self.severity() != Severity::Info
    }

    /// The metric that counts problems of this kind alone, if there is one.
    #[must_use]
    pub fn metric(self) -> Option<ProblemMetric> {
        self.row().metric
    }

    /// After how many seconds the caller may try again. `None`: the kind alone does not say it.
    #[must_use]
    pub fn retry_after(self) -> Option<u64> {
        self.row().retry_after
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// What is over by itself, and nobody's fault.
    const WAITS_FOR_OTHERS: [ProblemKind; 2] =
        [ProblemKind::ShareBusy, ProblemKind::ShareBeingScanned];

    #[test]
    fn a_code_means_one_kind_but_for_a_service_that_is_silent_to_the_end() {
        let mut kinds = HashMap::<_, Vec<_>>::new();
        for kind in ProblemKind::ALL {
            kinds.entry(kind.code()).or_default().push(*kind);
        }
        kinds.retain(|_, kinds| kinds.len() > 1);
        let expected = vec![ProblemKind::Upstream, ProblemKind::OutOfTime];
        assert_eq!(kinds, HashMap::from([("upstream", expected)]));
        assert_eq!(ProblemKind::Upstream.title(), ProblemKind::OutOfTime.title());
    }

    #[test]
    fn codes_are_words_with_hyphens_and_titles_are_a_few_words_without_a_full_stop() {
        for kind in ProblemKind::ALL {
            let (code, title) = (kind.code(), kind.title());
            let words = code.split('-');
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
            assert!(words.clone().all(is_word), "{code}");
            assert!(title.starts_with(|first: char| first.is_ascii_uppercase()), "{title}");
            assert!(title.ends_with(|last: char| last.is_ascii_lowercase()), "{title}");
            assert!(title.len() <= 45 && title.is_ascii(), "{title}");
        }
    }

    #[test]
    fn what_callers_can_fix_is_4xx_and_what_is_ours_is_5xx() {
        for kind in ProblemKind::ALL {
            let statuses = match kind.severity() {
                // Others who try at the same moment are no fault of the service's either.
                Severity::Info if WAITS_FOR_OTHERS.contains(kind) => 503..=503,
                Severity::Info => 400..=499,
                // S3's refusal of one object is no fault of the service.
                Severity::Warn if *kind == ProblemKind::ObjectUnavailable => 422..=422,
                Severity::Warn => 502..=504,
                Severity::Error => 500..=503,
            };
            assert!(statuses.contains(&kind.status()), "{kind:?}");
        }
    }

    #[test]
    fn nobody_who_calls_can_cause_a_failure() {
        for kind in ProblemKind::ALL {
            let is_busy = WAITS_FOR_OTHERS.contains(kind);
            assert_eq!(kind.is_failure(), kind.status() >= 500 && !is_busy, "{kind:?}");
        }
    }

    #[test]
    fn a_metric_counts_one_kind_and_only_what_is_away_comes_back_by_itself() {
        let metrics: Vec<_> = ProblemKind::ALL.iter().filter_map(|kind| kind.metric()).collect();
        assert_eq!(metrics, [ProblemMetric::WindowsTooShort, ProblemMetric::SessionUnproven]);
        let come_back = ProblemKind::ALL.iter().filter(|kind| kind.retry_after().is_some());
        assert_eq!(
            come_back.collect::<Vec<_>>(),
            [
                &ProblemKind::ShareBusy,
                &ProblemKind::ShareBeingScanned,
                &ProblemKind::ShareUnavailable
            ]
        );
        let kinds: HashSet<_> = ProblemKind::ALL.iter().collect();
        assert_eq!(kinds.len(), ProblemKind::ALL.len());
    }

    #[test]
    fn what_a_caller_wrote_is_not_logged() {
        assert!(!ProblemKind::InvalidRequest.severity().logs_detail());
        assert!(!ProblemKind::NoSuchRoute.severity().logs_detail());
        assert!(ProblemKind::Upstream.severity().logs_detail());
        assert!(ProblemKind::Internal.severity().logs_detail());
    }
}
