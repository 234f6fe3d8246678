# Reads `cargo metadata` and prints each dependency that points the wrong way. Nothing: all is well.
#
# A crate may use the workspace's crates that its row names; a new crate or a new arrow is a decision, made here. Services may use every
# library, and never each other. Dependencies of tests are not looked at, except that nobody may depend on a service.

def allowed: {
  "zoetrope-domain": [],
  "zoetrope-contracts": ["zoetrope-domain"],
  "zoetrope-service": [],
  "zoetrope-postgres": ["zoetrope-service"],
  "zoetrope-bus": ["zoetrope-domain", "zoetrope-service"],
  "zoetrope-outbox": ["zoetrope-bus", "zoetrope-contracts", "zoetrope-domain", "zoetrope-postgres", "zoetrope-service"],
  "zoetrope-redis": [],
  "zoetrope-limits": ["zoetrope-domain", "zoetrope-redis"],
  "zoetrope-tokens": ["zoetrope-bus", "zoetrope-contracts", "zoetrope-domain", "zoetrope-redis", "zoetrope-service"],
  "zoetrope-http": ["zoetrope-domain", "zoetrope-limits", "zoetrope-postgres", "zoetrope-service", "zoetrope-tokens"],
  "zoetrope-storage": ["zoetrope-domain"],
  "zoetrope-egress": [],
  "zoetrope-client": [],
  "zoetrope-testing": ["zoetrope-client", "zoetrope-contracts"],
  "zoetrope-chaos": ["zoetrope-testing"],
  "zoetrope-outages": [],
  "zoetrope-bench": ["zoetrope-contracts", "zoetrope-testing"]
};

# The domain is pure: no I/O, no runtime, no framework.
def impure: ["tokio", "tokio-util", "actix-web", "actix-ws", "diesel", "diesel-async", "tokio-postgres", "lapin", "redis", "reqwest",
  "object_store", "tracing", "config"];

# Command-line client, test support and what is built on it are not for services.
def not_for_services: ["zoetrope-client", "zoetrope-testing", "zoetrope-bench", "zoetrope-chaos"];

def is_service: .manifest_path | contains("/services/");

(.packages | map(select(is_service) | .name)) as $services
| .packages[]
| .name as $name
| is_service as $service
| .dependencies[]
| (
    (select(.name | IN($services[])) | "\($name) depends on the service \(.name)"),
    (select(.kind != "dev") | (
      (select($service and (.name | IN(not_for_services[]))) | "the service \($name) depends on \(.name)"),
      (select($name == "zoetrope-domain" and (.name | IN(impure[]))) | "\($name) depends on \(.name), but is pure"),
      (select(.path != null and ($service | not) and ((.name | IN($services[])) | not) and
              ((.name | IN((allowed[$name] // [])[])) | not))
        | "\($name) depends on \(.name): not in its row of scripts/lib/layers.jq")
    ))
  )
