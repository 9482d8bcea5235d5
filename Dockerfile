# The same binary, by the same steps as on a developer's machine.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The toolchain file names the compiler for people with rustup; this image is that compiler.
RUN rm rust-toolchain.toml && cargo build --release --locked \
    && mkdir /data

# No shell, no package manager, not root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/claviger /claviger
# SQLite writes beside its file, so the directory itself must belong to the user.
COPY --from=build --chown=65532:65532 /data /data
ENV CLAVIGER_LISTEN=0.0.0.0:8080 CLAVIGER_DATA_DIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/claviger", "healthcheck"]
ENTRYPOINT ["/claviger"]
CMD ["serve"]
