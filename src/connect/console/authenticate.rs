//! Start-up and login of a console: password, md5, SCRAM.

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::talk::Talk;
use super::{Trouble, said};
use crate::connect::APPLICATION_NAME;
use crate::connect::conninfo::{Binding, Conninfo};
use crate::model::secret::{ExposeSecret as _, SecretString};

/// What the other end tells of itself after the login.
#[derive(Default)]
pub(super) struct Greeting {
    /// As it calls it: `1.18.0/bouncer`.
    pub(super) server_version: String,
    /// Of the process that serves us, or made up.
    pub(super) pid: i32,
}

/// Logs in and returns what the other end tells of itself.
pub(super) async fn log_in(
    talk: &mut Talk,
    info: &Conninfo,
    password: Option<&SecretString>,
) -> Result<Greeting, Trouble> {
    let parameters =
        [("user", &*info.user), ("database", &*info.database), ("application_name", APPLICATION_NAME)];
    talk.send(|buf| frontend::startup_message(parameters, buf)).await?;
    let password = || password.map(|secret| secret.expose_secret().as_bytes()).ok_or(Trouble::NoPassword);
    match talk.next().await? {
        Message::AuthenticationOk => return ready(unbound(info, talk)?).await,
        Message::AuthenticationCleartextPassword => {
            let password = password()?;
            unbound(info, talk)?.send(|buf| frontend::password_message(password, buf)).await?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(info.user.as_bytes(), password()?, body.salt());
            unbound(info, talk)?.send(|buf| frontend::password_message(hash.as_bytes(), buf)).await?;
        }
        Message::AuthenticationSasl(body) => scram(talk, info, password()?, &body).await?,
        other => return Err(unexpected(&other)),
    }
    match talk.next().await? {
        Message::AuthenticationOk => ready(talk).await,
        other => Err(unexpected(&other)),
    }
}

/// Lets a login without channel binding pass, unless binding is required.
fn unbound<'a>(info: &Conninfo, talk: &'a mut Talk) -> Result<&'a mut Talk, Trouble> {
    if info.binding == Binding::Require {
        return Err(Trouble::Words("the server did not use channel binding"));
    }
    Ok(talk)
}

async fn scram(
    talk: &mut Talk,
    info: &Conninfo,
    password: &[u8],
    body: &AuthenticationSaslBody,
) -> Result<(), Trouble> {
    let (mechanism, binding) = mechanism(talk, info, body)?;
    let mut scram = sasl::ScramSha256::new(password, binding);
    talk.send(|buf| frontend::sasl_initial_response(mechanism, scram.message(), buf)).await?;
    match talk.next().await? {
        Message::AuthenticationSaslContinue(body) => scram.update(body.data())?,
        other => return Err(unexpected(&other)),
    }
    talk.send(|buf| frontend::sasl_response(scram.message(), buf)).await?;
    match talk.next().await? {
        Message::AuthenticationSaslFinal(body) => Ok(scram.finish(body.data())?),
        other => Err(unexpected(&other)),
    }
}

/// SCRAM bound to the TLS channel where both ends can, plain SCRAM otherwise.
fn mechanism(
    talk: &Talk,
    info: &Conninfo,
    body: &AuthenticationSaslBody,
) -> Result<(&'static str, sasl::ChannelBinding), Trouble> {
    let offered: Vec<&str> = body.mechanisms().collect()?;
    let channel = talk.binding().filter(|_| info.binding != Binding::Disable);
    match (channel, offered.contains(&sasl::SCRAM_SHA_256_PLUS)) {
        (Some(channel), true) => {
            Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(channel)))
        }
        _ if info.binding == Binding::Require => {
            Err(Trouble::Words("the server did not use channel binding"))
        }
        _ if !offered.contains(&sasl::SCRAM_SHA_256) => {
            Err(Trouble::Words("unsupported authentication method"))
        }
        (Some(_), false) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested())),
        (None, _) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
    }
}

/// Reads up to the first `ReadyForQuery`.
async fn ready(talk: &mut Talk) -> Result<Greeting, Trouble> {
    let mut greeting = Greeting::default();
    loop {
        match talk.next().await? {
            Message::ParameterStatus(body) if body.name()? == "server_version" => {
                body.value()?.clone_into(&mut greeting.server_version);
            }
            Message::BackendKeyData(body) => greeting.pid = body.process_id(),
            Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
            Message::ReadyForQuery(_) => return Ok(greeting),
            other => return Err(unexpected(&other)),
        }
    }
}

/// An answer that is an error, or none at all.
fn unexpected(message: &Message) -> Trouble {
    match message {
        Message::ErrorResponse(body) => Trouble::Said(said(body.fields())),
        Message::AuthenticationGss | Message::AuthenticationSspi | Message::AuthenticationKerberosV5 => {
            Trouble::Words("unsupported authentication method")
        }
        _ => Trouble::Words("unexpected message from the server"),
    }
}
