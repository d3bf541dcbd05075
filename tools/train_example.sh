#!/bin/sh
# What `make train` runs after building: Debian's documentation of Perl and git (the packages perl-doc and git-doc) becomes
# a data set, a member of the front with at most 4 M decoder parameters is picked and trained on 2 M tokens, and continues
# two prompts.
#   tools/train_example.sh LTS FOLDER SEARCH [OPTIONS of lts train...]
#     LTS     the program        FOLDER  where data set and checkpoint go
#     SEARCH  folder of an earlier search; made by one of 60 s when it is not there
# The same command goes on where it was stopped.
set -eu
lts=$1
folder=$2
search=$3
shift 3

pod=$(dpkg -L perl-doc 2>/dev/null | grep -m 1 '/pod/perlintro\.pod$' || true)
git_doc=/usr/share/doc/git-doc
if [ -z "$pod" ] || [ ! -d "$git_doc" ]; then
  echo "train_example.sh: the packages perl-doc and git-doc are missing; run tools/setup.sh train" >&2
  exit 1
fi
# Products in bfloat16 are fast where the processor has them.
dtype=f32
if grep -q -e amx_bf16 -e avx512_bf16 /proc/cpuinfo; then dtype=bf16; fi

mkdir -p "$folder"
"$lts" tokenize "$(dirname "$pod")" "$git_doc" -o "$folder/data" --train-vocab 4096
if [ ! -f "$folder/architecture.json" ]; then
  [ -f "$search/front.json" ] || "$lts" search --budget 60s --out "$search"
  "$lts" pick "$search" --max decoder_params=4e6 --no-measure -o "$folder/architecture.json"
fi
"$lts" train "$folder/architecture.json" --data "$folder/data" -o "$folder/model" --resume --tokens 2M \
  --sequence-length 128 --lr 3e-3 --dtype "$dtype" --line-every 20 "$@"
for prompt in "This function returns" "If the file"; do
  echo "== $prompt"
  "$lts" generate "$folder/model" "$prompt" --max-new-tokens 60 --seed 3 -q
done
