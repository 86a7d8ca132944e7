//! Mails a link when a file lands in a bucket: one mail for each recipient, once.
//!
//! For each arrival: is it granted, is it still there, who gets it. For each recipient then, in
//! this order: claim, sign, compose, send, mark. The link is signed after the claim and right
//! before sending, so what the mail says of its window is as true as it can be; a retry signs a
//! new one.
//!
//! What fails for one recipient fails the event, so that it comes back, and stops no other: those
//! who have their mail don't get it again. What no retry can mend (no grant, nobody allowed) is
//! logged, counted and done with.

pub mod arrival;
pub mod ledger;
pub mod message;
pub mod object;
pub mod recipients;
pub mod sending;
pub mod settings;
pub mod wording;

use std::sync::Arc;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use self::arrival::Arrival;
use self::ledger::{Claim, Entry, Ledger, LedgerError, LedgerSettings, Ticket};
use self::message::MessageError;
use self::object::{Object, ObjectError, Objects};
use self::recipients::{Address, recipients};
use self::sending::{SendError, Ses, SesSettings};
use self::settings::MailSettings;
use crate::grant::Grant;
use crate::link::{Link, LinkRequest, why_not_linkable};
use crate::links::Links;
use crate::outbound::{Outbound, Trust};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::response_headers::ResponseHeaders;
use crate::signer::SignerSettings;
use crate::telemetry::Invocation;

/// How much time an invocation must have left for a mail to be begun: more than all calls for one
/// take together at their slowest. A mail that the invocation's end cuts off waits for its lease.
pub const ENOUGH_TIME: SignedDuration = SignedDuration::from_secs(20);

/// Why a mail did not go out. The event fails, and comes back.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// The file could not be looked at.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The ledger could not be asked, so nothing was sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another invocation has claimed the mail and has not said that it sent it.
    #[error("another invocation is about to send it, or was ended while it was")]
    Held,
    /// There is no link, or none that works for long enough.
    #[error("there is no link to send: {}", .0.detail())]
    Link(Problem),
    /// The mail could not be put together.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// SES did not take it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was not begun.
    #[error("fewer than {} s of this invocation were left", ENOUGH_TIME.as_secs())]
    OutOfTime,
}

/// Everything it takes to mail links, but the links.
#[derive(Debug)]
pub struct Mailer {
    settings: MailSettings,
    objects: Objects,
    ledger: Ledger,
    ses: Ses,
}

/// How AWS's services are reached, apart from what `settings` say.
#[derive(Clone, Debug)]
pub struct MailerEndpoints {
    /// The function's own region: of SES and of the ledger.
    pub region: String,
    /// Another SES than AWS's.
    pub ses: Option<String>,
    /// Another DynamoDB than AWS's.
    pub dynamodb: Option<String>,
    /// How S3 is reached; FIPS and dual-stack count for the others too.
    pub s3: SignerSettings,
    /// Which certificate authorities are believed.
    pub trust: Trust,
}

/// What is known about one arrival once it may be mailed.
struct Parcel<'a> {
    arrival: &'a Arrival,
    object: Object,
    credentials: Credentials,
}

impl Mailer {
    /// Puts the parts together. Touches nothing but memory.
    #[must_use]
    pub fn new(
        settings: MailSettings,
        endpoints: MailerEndpoints,
        outbound: Arc<Outbound>,
    ) -> Self {
        let MailerEndpoints { region, ses, dynamodb, s3, trust } = endpoints;
        let (use_fips, use_dual_stack) = (s3.use_fips, s3.use_dual_stack);
        let ledger = LedgerSettings {
            table: settings.table.clone(),
            region: region.clone(),
            endpoint: dynamodb,
            use_fips,
            use_dual_stack,
        };
        Self {
            objects: Objects::new(s3, Arc::clone(&outbound)),
            ledger: Ledger::new(ledger, outbound),
            ses: Ses::new(SesSettings { region, endpoint: ses, use_fips, use_dual_stack }, trust),
            settings,
        }
    }

    /// Mails a link to the file that arrived to everyone who is to have one and has none yet.
    ///
    /// # Errors
    ///
    /// The first [`DeliveryError`], after everyone has been tried.
    pub async fn deliver(
        &self,
        links: &Links,
        arrival: &Arrival,
        invocation: &mut Invocation<'_>,
        deadline: Timestamp,
    ) -> Result<(), DeliveryError> {
        if arrival.is_folder_marker() {
            invocation.arrival_skipped(arrival, "it is a folder's marker");
            return Ok(());
        }
        let grant = links.grants.find(&Principal::S3Event, &arrival.bucket, &arrival.key);
        let Some(grant) = grant else {
            invocation.arrival_refused(
                arrival,
                "no grant in GRANTS with the principal \"s3-event\" covers it",
            );
            return Ok(());
        };
        if let Some(reason) = why_not_linkable(&arrival.key) {
            invocation.arrival_refused(arrival, reason);
            return Ok(());
        }
        let parcel = match self.look_at(links, grant, arrival, deadline).await {
            Ok(parcel) => parcel,
            Err(DeliveryError::Object(ObjectError::Gone(reason))) => {
                invocation.arrival_skipped(arrival, reason);
                return Ok(());
            }
            Err(error) => {
                invocation.not_mailed(arrival, None, &error);
                return Err(error);
            }
        };
        let recipients = self.recipients(&parcel, invocation);
        if recipients.is_empty() {
            invocation.arrival_skipped(
                arrival,
                "nobody is to have it: neither its link-to nor MAIL_TO names anyone allowed",
            );
        }
        let mut first_error = None;
        for recipient in &recipients {
            let outcome = self.deliver_to(links, &parcel, recipient, invocation, deadline).await;
            if let Err(error) = outcome {
                invocation.not_mailed(arrival, Some(recipient), &error);
                first_error = first_error.or(Some(error));
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Asks S3 about the file, with the execution role's credentials.
    async fn look_at<'a>(
        &self,
        links: &Links,
        grant: &Grant,
        arrival: &'a Arrival,
        deadline: Timestamp,
    ) -> Result<Parcel<'a>, DeliveryError> {
        let now = (links.clock)();
        in_time(now, deadline)?;
        let upstream = |error: String| DeliveryError::Link(Problem::Upstream(error));
        let wanted = self.settings.asked.wanted(grant.max_expires_in);
        let found = links.sessions.find(wanted, now).await;
        let credentials = found.map_err(|error| upstream(error.to_string()))?.credentials;
        let region = match &grant.region {
            Some(region) => region.clone(),
            None => links
                .regions
                .region_of(&arrival.bucket, &credentials)
                .await
                .map_err(|error| upstream(error.to_string()))?,
        };
        let object = self.objects.find(arrival, &region, &credentials).await?;
        Ok(Parcel { arrival, object, credentials })
    }

    /// Whom the object names, else whom the operator names; only those who are allowed.
    fn recipients(&self, parcel: &Parcel<'_>, invocation: &mut Invocation<'_>) -> Vec<Address> {
        let Some(list) = &parcel.object.link_to else {
            return self.settings.fallback.clone();
        };
        let (admitted, refused) = recipients(list, &self.settings.allowed);
        for refused in &refused {
            invocation.recipient_refused(parcel.arrival, refused);
        }
        admitted
    }

    async fn deliver_to(
        &self,
        links: &Links,
        parcel: &Parcel<'_>,
        recipient: &Address,
        invocation: &mut Invocation<'_>,
        deadline: Timestamp,
    ) -> Result<(), DeliveryError> {
        let now = (links.clock)();
        in_time(now, deadline)?;
        let entry = Entry { arrival: parcel.arrival, recipient };
        let ticket = match self.ledger.claim(entry, &parcel.credentials, now).await? {
            Claim::Ours(ticket) => ticket,
            Claim::Held => return Err(DeliveryError::Held),
            Claim::Sent => {
                invocation.mailed_already(parcel.arrival, recipient);
                return Ok(());
            }
        };
        match self.send(links, parcel, recipient, invocation).await {
            Ok((link, message_id)) => {
                invocation.mailed(parcel.arrival, recipient, &link, &message_id);
                self.mark(links, parcel, &ticket, &link, &message_id).await;
                Ok(())
            }
            Err(DeliveryError::Send(error)) if !error.nothing_was_sent() => Err(error.into()),
            Err(error) => {
                self.give_back(parcel, &ticket).await;
                Err(error)
            }
        }
    }

    /// Signs a link and sends it at once.
    async fn send(
        &self,
        links: &Links,
        parcel: &Parcel<'_>,
        recipient: &Address,
        invocation: &mut Invocation<'_>,
    ) -> Result<(Link, String), DeliveryError> {
        let signed = links.sign(&Principal::S3Event, &self.request(parcel.arrival)).await;
        let link = match signed {
            Ok(link) => link,
            Err(problem) => {
                invocation.refused(&Principal::S3Event, &problem);
                return Err(DeliveryError::Link(problem));
            }
        };
        invocation.signed(&Principal::S3Event, &link);
        let sender = &self.settings.sender;
        let mime = message::compose(sender, recipient, &link, parcel.object.size)?;
        let sent = self.ses.send(&sender.address, recipient, mime, &parcel.credentials).await;
        Ok((link, sent?))
    }

    /// A download of exactly what landed, under its own name.
    fn request(&self, arrival: &Arrival) -> LinkRequest {
        let name = wording::file_name(&arrival.key);
        let named = ResponseHeaders::new(Some(&name), Some("attachment"), None);
        // A name that a file system would not take is left to the browser.
        let response_headers = named
            .or_else(|_| ResponseHeaders::new(None, Some("attachment"), None))
            .unwrap_or_default();
        LinkRequest {
            bucket: Some(arrival.bucket.clone()),
            key: arrival.key.clone(),
            version_id: arrival.version_id.clone(),
            asked: self.settings.asked,
            response_headers,
            check: false,
        }
    }

    /// Writes down that the mail was sent. If that can't be done the mail is sent all the same:
    /// failing now would have it sent again.
    async fn mark(
        &self,
        links: &Links,
        parcel: &Parcel<'_>,
        ticket: &Ticket,
        link: &Link,
        message_id: &str,
    ) {
        let now = (links.clock)();
        let marked = self
            .ledger
            .mark_sent(ticket, message_id, &link.link_id, &parcel.credentials, now)
            .await;
        if let Err(error) = marked {
            tracing::error!(
                reason = error.to_string(),
                link_id = link.link_id,
                "mail sent and not marked: if this event comes again, so does the mail"
            );
        }
    }

    async fn give_back(&self, parcel: &Parcel<'_>, ticket: &Ticket) {
        if let Err(error) = self.ledger.give_back(ticket, &parcel.credentials).await {
            tracing::warn!(
                reason = error.to_string(),
                "a claim was not given back: the mail waits until its lease ends"
            );
        }
    }
}

/// Whether there is time to begin a mail.
fn in_time(now: Timestamp, deadline: Timestamp) -> Result<(), DeliveryError> {
    if deadline.duration_since(now) < ENOUGH_TIME {
        return Err(DeliveryError::OutOfTime);
    }
    Ok(())
}
