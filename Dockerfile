# The image contains one static binary and the CA certificates, nothing else.
# Why glibc and scratch: docs/decisions/0005-static-image.md

FROM rust:1.95.0-slim-trixie AS chef
RUN cargo install cargo-chef --version 0.1.78 --locked
WORKDIR /build

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# With an explicit --target, crt-static applies to the program only.
# It would break build scripts and procedural macros.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# The recipe contains the manifests only, so this layer is cached until a dependency changes.
COPY --from=plan /build/recipe.json recipe.json
RUN cargo chef cook --profile dist --locked --bin vault-auth-validator \
    --target "$(rustc --print host-tuple)" --recipe-path recipe.json
COPY . .
# Listen on 0.0.0.0 by default, because other containers connect over the network.
ENV VALIDATOR_BUILD_FOR_CONTAINER=1
RUN cargo build --profile dist --locked --bin vault-auth-validator \
    --target "$(rustc --print host-tuple)" \
    && cp "target/$(rustc --print host-tuple)/dist/vault-auth-validator" /vault-auth-validator

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vault-auth-validator" \
      org.opencontainers.image.description="Forward authentication with HashiCorp Vault or OpenBao as the only authority" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /vault-auth-validator /vault-auth-validator
EXPOSE 8080 8081 9090
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/vault-auth-validator", "healthcheck"]
ENTRYPOINT ["/vault-auth-validator"]
CMD ["serve"]
