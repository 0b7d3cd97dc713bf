# Stands in for the official image where no registry can be reached.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
    && usermod --uid 999 redis && groupmod --gid 999 redis && install -d -o redis -g redis /data
USER redis
