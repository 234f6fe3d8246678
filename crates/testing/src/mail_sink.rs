use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, ensure};
use mail_parser::MessageParser;
use rcgen::CertifiedKey;
use tokio::{
    io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use crate::ports::free_port;

/// A mail server (RFC 5321) that keeps what it gets and delivers nothing. It offers STARTTLS and then asks for [`MailSink::USERNAME`] and
/// [`MailSink::PASSWORD`], if it is made so.
#[derive(Debug)]
pub struct MailSink {
    port: u16,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
    certificate: Option<String>,
}

/// What it says to a whole mail, instead of 250.
#[derive(Clone, Debug)]
pub enum Answer {
    Reply(&'static str),
    /// Hangs up before any answer, having taken the mail.
    Drop,
    /// Never answers.
    Hang,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub message_id: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Whether it came over TLS, from somebody who knew the password.
    pub protected: bool,
}

struct Shared {
    tls: Option<TlsAcceptor>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
    /// Whole mails, whatever was answered.
    offered: usize,
    connections: Vec<JoinHandle<()>>,
}

impl MailSink {
    pub const USERNAME: &'static str = "zoetrope";
    pub const PASSWORD: &'static str = "a password of the mail server";

    /// Listens without TLS, and takes mail from anybody.
    pub async fn start() -> Result<Self> {
        Self::new(None, None).await
    }

    /// Takes mail over STARTTLS alone, with user and password.
    pub async fn start_protected() -> Result<Self> {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key.into())?;
        Self::new(Some(TlsAcceptor::from(Arc::new(config))), Some(cert.pem())).await
    }

    async fn new(tls: Option<TlsAcceptor>, certificate: Option<String>) -> Result<Self> {
        let shared = Arc::new(Shared { tls, state: Mutex::default() });
        let mut sink = Self { port: free_port()?, shared, listening: None, certificate };
        sink.resume().await?;
        Ok(sink)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// In PEM; it signed itself. Empty without TLS.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap_or_default()
    }

    /// Goes away, with all connections.
    pub fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
        for connection in self.shared.state().connections.drain(..) {
            connection.abort();
        }
    }

    /// Comes back to the same port.
    pub async fn resume(&mut self) -> Result<()> {
        ensure!(self.listening.is_none(), "it listens already");
        let port = self.port;
        let listener = crate::eventually("the port of the mail server", std::time::Duration::from_secs(10), async || {
            Ok(TcpListener::bind(("127.0.0.1", port)).await?)
        })
        .await?;
        let shared = Arc::clone(&self.shared);
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&shared);
                let connection = tokio::spawn(async move {
                    // A client that hangs up is no concern of the server.
                    let _ = serving.serve(stream).await;
                });
                shared.state().connections.push(connection);
            }
        });
        self.listening = Some(listening);
        Ok(())
    }

    /// The answers to the next mails, in this order; then 250 again.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.state().answers.extend(answers);
    }

    /// What was taken, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// How many whole mails came, the refused ones included.
    pub fn offered(&self) -> usize {
        self.shared.state().offered
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Where a connection is.
#[derive(Default)]
struct Session {
    from: String,
    to: Vec<String>,
    encrypted: bool,
    signed_in: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut stream = BufStream::new(stream);
        say(&mut stream, "220 sink ESMTP").await?;
        let mut session = Session::default();
        if self.talk(&mut stream, &mut session).await? {
            let acceptor = self.tls.as_ref().context("STARTTLS without TLS")?;
            let mut stream = BufStream::new(acceptor.accept(stream.into_inner()).await?);
            session = Session { encrypted: true, ..Session::default() };
            self.talk(&mut stream, &mut session).await?;
        }
        Ok(())
    }

    /// Until the client leaves; true when it asked for TLS.
    async fn talk(&self, stream: &mut (impl AsyncBufReadExt + AsyncWrite + Unpin), session: &mut Session) -> Result<bool> {
        let open = self.tls.is_none();
        while let Some(line) = read_line(stream).await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" if open => say(stream, "250-sink\r\n250 8BITMIME").await?,
                "EHLO" | "HELO" if session.encrypted => say(stream, "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
                "EHLO" | "HELO" => say(stream, "250-sink\r\n250-8BITMIME\r\n250 STARTTLS").await?,
                "STARTTLS" if !open && !session.encrypted => {
                    say(stream, "220 go ahead").await?;
                    return Ok(true);
                }
                "AUTH" if session.encrypted => {
                    session.signed_in = line.strip_prefix("AUTH PLAIN ").is_some_and(is_password);
                    say(stream, if session.signed_in { "235 2.7.0 welcome" } else { "535 5.7.8 who are you?" }).await?;
                }
                "MAIL" | "RCPT" | "DATA" if !open && !session.signed_in => say(stream, "530 5.7.0 sign in first").await?,
                "MAIL" => {
                    (session.from, session.to) = (address(&line), Vec::new());
                    say(stream, "250 2.1.0 ok").await?;
                }
                "RCPT" => {
                    session.to.push(address(&line));
                    say(stream, "250 2.1.5 ok").await?;
                }
                "DATA" => {
                    say(stream, "354 go on").await?;
                    let Some(data) = read_data(stream).await? else { return Ok(false) };
                    match self.take(session, &data)? {
                        Answer::Reply(reply) => say(stream, reply).await?,
                        Answer::Drop => return Ok(false),
                        Answer::Hang => std::future::pending().await,
                    }
                }
                "RSET" | "NOOP" => say(stream, "250 2.0.0 ok").await?,
                "QUIT" => {
                    say(stream, "221 2.0.0 bye").await?;
                    return Ok(false);
                }
                _ => say(stream, "502 5.5.1 what?").await?,
            }
        }
        Ok(false)
    }

    fn take(&self, session: &Session, data: &[u8]) -> Result<Answer> {
        let mut state = self.state();
        state.offered += 1;
        let answer = state.answers.pop_front().unwrap_or(Answer::Reply("250 2.0.0 taken"));
        if matches!(answer, Answer::Reply(reply) if reply.starts_with('2')) {
            let mail = MessageParser::default().parse(data).context("not a mail")?;
            let text = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap_or_default().replace("\r\n", "\n");
            state.received.push(Received {
                from: session.from.clone(),
                to: session.to.clone(),
                message_id: mail.message_id().unwrap_or_default().to_owned(),
                subject: mail.subject().unwrap_or_default().to_owned(),
                text: text(mail.body_text(0)),
                html: text(mail.body_html(0)),
                protected: session.encrypted && session.signed_in,
            });
        }
        Ok(answer)
    }
}

/// The RFC 4616 form of the one user.
fn is_password(sent: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let wanted = format!("\0{}\0{}", MailSink::USERNAME, MailSink::PASSWORD);
    STANDARD.decode(sent).is_ok_and(|sent| sent == wanted.as_bytes())
}

/// What is between the angle brackets.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), reply: &str) -> Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    Ok(stream.flush().await?)
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The lines up to a single dot; a doubled dot at the beginning of one stands for one.
async fn read_data(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<Vec<u8>>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(data));
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
