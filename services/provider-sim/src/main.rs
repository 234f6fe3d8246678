//! `provider-sim`: the video provider, Google and WeChat for development and tests.
//!
//! It speaks the wire format of the OpenAI Videos API, takes time as a real provider does, and makes real, playable
//! files: an MP4 in which one sees the prompt, a time code and moving shapes (or the reference image), a thumbnail and a sheet
//! of frames. It keeps everything in memory and forgets it when it ends.
//!
//! # The simulated API
//!
//! Every call needs `Authorization: Bearer <one of simulation.api_keys>` (the key alone will do).
//!
//! | call | answer |
//! |---|---|
//! | `POST /v1/videos` | JSON or multipart: `prompt`, `model`, `seconds` (1 to 60), `size`, in multipart also the file `input_reference` → the video object |
//! | `GET /v1/videos?limit&after&order` | a page of video objects, newest first |
//! | `GET /v1/videos/{id}` | the video object |
//! | `GET /v1/videos/{id}/content?variant=video\|thumbnail\|spritesheet` | MP4, WebP or JPEG, with `ETag`; `Range` and `If-Range` are obeyed; 409 before the video is completed |
//! | `DELETE /v1/videos/{id}` | `{"id", "object": "video.deleted", "deleted": true}` |
//!
//! With the directive `link`, the completed video names the address of its file in `url`: `/files/{id}?expires&sig`, which needs no key and
//! answers 403 once it has expired.
//!
//! `Idempotency-Key` is recorded (and shown in the object's `metadata.idempotency_key`) but has no effect: a submission sent
//! twice is two videos, so that a client that repeats itself is caught.
//!
//! # Google and WeChat
//!
//! | call | answer |
//! |---|---|
//! | `GET /google/.well-known/openid-configuration` | the discovery document; the issuer is `/google` at the address that was called |
//! | `GET /google/certs` | the keys (RS256) |
//! | `GET /google/authorize` | goes back to `redirect_uri` with a code for `login_hint` |
//! | `POST /google/token` | an ID token for a code |
//! | `GET /sns/jscode2session` | WeChat's `openid` for a code |
//!
//! The first word of a code says who signs in: an address, or an `openid`. What follows makes it another code, since each is good once, and may
//! hold directives, as in `ann@example.com 1 [sim:name=Ann][sim:id_token=expired]`. The client's secret and the mini-program's are settings.
//! `POST /simulation/google/keys` makes Google sign with another key; the one before it stays published.
//!
//! # Speed and faults
//!
//! Set at start in `[simulation]`, changed by `PUT /simulation`, and overruled for one request by directives in its
//! prompt, such as `A fox [sim:duration=3] [sim:poll=500 times=2]`; the grammar is on the page of the module `directives`.
//!
//! | setting, field of `PUT /simulation` | default | |
//! |---|---|---|
//! | `duration_seconds` | 6 | from submission to the end, fractions allowed |
//! | `queue_seconds` | 1 | how much of it is spent `queued` |
//! | `cheap` (also `--cheap`) | false | one small clip for all videos of a size and length: thousands of them cost nothing |
//! | `directives` | none | directives that act on every request |
//!
//! # The books
//!
//! `GET /simulation/submissions` tells every accepted submission (`idempotency_key`, `prompt`, `video_id`, `times` this key was
//! accepted, `has_reference_image`, `reference_image_bytes`, `traceparent`) and `totals` (`accepted`, `polls`, `contents`,
//! `ranges`, `deleted`, `google_discoveries`, `google_keys`, `google_tokens`, `wechat_sessions`). `DELETE` empties the books; the videos stay. `GET /simulation/totals` gives the totals alone, which stays cheap when there
//! are many submissions. `/simulation` asks for no key: never expose this program.

mod application;
mod behaviour;
mod directives;
mod faults;
mod google;
mod http;
mod render;
mod settings;
mod simulator;
mod store;
mod studio;
mod video;
mod wording;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zoetrope_service::ConfigArgs;

/// The video provider, Google and WeChat for development and tests.
#[derive(Parser)]
#[command(name = "provider-sim", version)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the simulated API
    Serve {
        /// One small clip for all videos of a size and length
        #[arg(long)]
        cheap: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Command::Serve { cheap } = cli.command;
    zoetrope_service::serve("provider-sim", &cli.config, |settings, process| application::build(settings, cheap, process))
}
