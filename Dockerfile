# A node in an image of its own: one static binary, no shell, no root.
#
#   docker build -t kvs .
#   docker run -p 8080:8080/tcp -p 8080:8080/udp -v kvs:/data \
#     -e KVS_BIND_ADDRESS=0.0.0.0 -e KVS_CLUSTER_SECRET=... kvs
#
# Settings come from variables, or from /data/config.yaml, which is written at the first
# start. docker exec CONTAINER /kvs status --token-file /data/store/admin.token
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/kvs ./cmd/kvs && mkdir /out/data && chmod 700 /out/data

FROM scratch
COPY --from=build /out/kvs /kvs
COPY --from=build --chown=65532:65532 /out/data /data
ENV KVS_DATA_DIR=/data/store KVS_BACKUP_PATH=/data/backups
USER 65532:65532
VOLUME /data
EXPOSE 8080/tcp 8080/udp
ENTRYPOINT ["/kvs"]
CMD ["serve", "-c", "/data/config.yaml"]
