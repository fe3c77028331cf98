# The executable and certificates on Debian's slim base, which gives it glibc and gives
# archive_command a shell. Not run as root; the uid is that of postgres in the official images.

FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json bun.lockb bunfig.toml ./
RUN npx --yes bun@1.4.5 install --frozen-lockfile --production
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
ARG TIDEMARK_REVISION=""
ARG TIDEMARK_BUILD_DATE=""
RUN npx --yes bun@1.4.5 run build --outfile /build/dist/tidemark

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 999 tidemark \
 && useradd --uid 999 --gid 999 --no-create-home --home-dir /nonexistent tidemark
COPY --from=build /build/dist/tidemark /usr/local/bin/tidemark
RUN ln -s tidemark /usr/local/bin/wal-g \
 && ln -s tidemark /usr/local/bin/wal-g-pg
USER 999:999
ENTRYPOINT ["/usr/local/bin/tidemark"]
CMD ["--help"]
