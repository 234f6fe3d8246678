use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use zoetrope_service::SettingsError;

use crate::PostgresSettings;

/// Makes the TLS side of connections. Without any trusted certificate it is made all the same: it is not needed as long as the
/// server offers no encryption.
pub(crate) fn connector(settings: &PostgresSettings) -> Result<MakeRustlsConnect, SettingsError> {
    // Fails only when one is installed already, which is as good.
    let _ = aws_lc_rs::default_provider().install_default();
    match &settings.ca_certificates {
        Some(pem) => Ok(trusting(configured_roots(pem)?)),
        None => {
            Ok(MakeRustlsConnect::with_native_certs()
                .map_or_else(|_| trusting(RootCertStore::empty()), |(connector, _)| connector))
        }
    }
}

fn trusting(roots: RootCertStore) -> MakeRustlsConnect {
    MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn configured_roots(pem: &str) -> Result<RootCertStore, SettingsError> {
    let refused = |problem: String| SettingsError::invalid("postgres.ca_certificates", problem);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("no certificate found; expected PEM".to_owned()));
    }
    Ok(roots)
}
