//! Makes what one mail brings, and hands the mail to SES within the invocation.

use std::time::Duration;

use link_rules::access::{Action, Principal};
use link_rules::response_headers::{DownloadAs, ResponseHeaders};
use link_rules::text;
use uuid::Uuid;

use super::{Delivery, Mailer};
use crate::invocation::Invocation;
use crate::links::{LinkError, LinkRequest, Method, log_refused_for_mail, log_signed_for_mail};
use crate::mail::error::{DeliveryError, MIN_TIME_LEFT, MIN_TIME_LEFT_FOR_SES};
use crate::mail::ledger::ClaimToken;
use crate::mail::mailed_link::MailedLink;
use crate::mail::message;
use crate::mail::recipients::Address;
use crate::mail::ses::SendError;
use crate::shares::{Made, NewShare, ShareError, Shares, Token};

/// How long to wait before a mail is sent again that SES throttled, try by try. A new account may
/// send one mail a second. The waiting is part of the invocation's time.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

impl Mailer {
    /// Sends, and sends again while SES's sending rate is exceeded, for as long as the invocation
    /// has time for it. Each try signs a new link, so that none has lost some of its window. All of
    /// them bring the same share, that of `token`.
    ///
    /// Otherwise the event would come back minutes later, and each return counts towards the dead
    /// letters.
    pub(super) async fn send_in_time(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Address,
        claim_token: &ClaimToken,
        token: Option<Token>,
        invocation: &Invocation,
    ) -> Result<(MailedLink, String), DeliveryError> {
        let share = match self.shares.as_ref().zip(token) {
            Some((shares, token)) => {
                let made = self.share(shares, delivery, recipient, token, invocation).await?;
                self.ledger.hand_over(claim_token, &delivery.credentials).await?;
                Some(made)
            }
            None => None,
        };
        let share = share.as_ref();
        for pause in PAUSES {
            let outcome = self.send(delivery, recipient, share, invocation).await;
            let Err(DeliveryError::Send(SendError::TooFast(_))) = &outcome else { return outcome };
            let pause = jittered(pause);
            if invocation.left() < pause + MIN_TIME_LEFT {
                return outcome;
            }
            tokio::time::sleep(pause).await;
        }
        self.send(delivery, recipient, share, invocation).await
    }

    /// Sends the share, or a link that is signed now. Returns what was sent, and SES's id of the mail.
    async fn send(
        &self,
        delivery: &Delivery<'_>,
        recipient: &Address,
        share: Option<&Made>,
        invocation: &Invocation,
    ) -> Result<(MailedLink, String), DeliveryError> {
        let mailed = self.mailed_link(delivery, share, invocation).await?;
        let sender = &self.settings.sender;
        let mime = message::compose(sender, recipient, &mailed, delivery.object.size)?;
        let Delivery { credentials, .. } = delivery;
        let sent = self.ses.send(&sender.address, recipient, mime, credentials, invocation).await;
        match sent {
            Ok(message_id) => Ok((mailed, message_id)),
            Err(SendError::Fault(_)) if message::names_an_encoded_word(&mailed) => {
                Err(DeliveryError::EncodedName)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the mail brings: the share, or a link that is signed now.
    async fn mailed_link(
        &self,
        delivery: &Delivery<'_>,
        share: Option<&Made>,
        invocation: &Invocation,
    ) -> Result<MailedLink, DeliveryError> {
        if let Some(share) = share {
            check_time_left_for_ses(invocation)?;
            return Ok(share.into());
        }
        let request = self.link_request(delivery);
        // Boxed, because a link that is opened takes much more room than the rest of a mail.
        let made =
            Box::pin(self.links.make_checked(&Principal::S3Event, &request, invocation)).await;
        let (link, _) = made.map_err(|error| {
            log_no_link(invocation, &error);
            DeliveryError::Link(error)
        })?;
        check_time_left_for_ses(invocation)?;
        log_signed_for_mail(invocation, &link);
        Ok(link.into())
    }

    /// Makes the share of `token`: this recipient's own.
    async fn share(
        &self,
        shares: &Shares,
        delivery: &Delivery<'_>,
        recipient: &Address,
        token: Token,
        invocation: &Invocation,
    ) -> Result<Made, DeliveryError> {
        let new = NewShare {
            token,
            link: self.link_request(delivery),
            name: None,
            from: Some(self.settings.shared_by.clone()),
            // Its only author would be an uploader.
            message: None,
            window: self.settings.window(Action::Share),
            max_downloads: None,
            passcode: None,
            recipient: Some(recipient.in_full()),
            note: None,
        };
        let made = shares.create(&Principal::S3Event, new, None, invocation);
        let made = Box::pin(made).await;
        made.map_err(|error| {
            if let ShareError::Link(error) = &error {
                log_no_link(invocation, error);
            }
            DeliveryError::Share(error)
        })
    }

    /// A request for a link that downloads the created version of the object, under its own name.
    fn link_request(&self, delivery: &Delivery<'_>) -> LinkRequest {
        let Delivery { action, created, .. } = *delivery;
        let name = text::file_name(&created.key);
        let named = DownloadAs { filename: Some(&name), ..DownloadAs::default() };
        // A name that is not accepted as a file name is left out, and the browser chooses one.
        let response_headers = ResponseHeaders::new(named).unwrap_or_default();
        LinkRequest {
            action,
            method: Method::Get,
            bucket: Some(created.bucket.clone()),
            key: created.key.clone(),
            version_id: created.version_id.clone(),
            window: self.settings.window(action),
            response_headers,
            check: false,
        }
    }
}

/// A random half or more of a pause. Two functions that were throttled together would otherwise
/// meet again.
fn jittered(pause: Duration) -> Duration {
    let [random, ..] = Uuid::new_v4().into_bytes();
    pause / 2 + pause * u32::from(random) / 512
}

/// Logs a mail's link, or a share's first link, that is refused. Of an archived file the event's line says
/// it.
fn log_no_link(invocation: &Invocation, error: &LinkError) {
    if let LinkError::Archived(_) = error {
        return;
    }
    log_refused_for_mail(invocation, error.kind(), || error.to_string());
}

/// Checks that enough time is left to hand a mail to SES. STS, S3 and DynamoDB may have been slow.
fn check_time_left_for_ses(invocation: &Invocation) -> Result<(), DeliveryError> {
    if invocation.left() < MIN_TIME_LEFT_FOR_SES {
        return Err(DeliveryError::OutOfTime);
    }
    Ok(())
}
