"""Tokens of annotation models: lists, additions with their manifest, sequences and targets."""

import hashlib
import json
from pathlib import Path

import pytest
from helpers.tiny_model import BPE_SPECIAL, write_bpe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

tokenizers = pytest.importorskip("tokenizers")

from genome_index.errors import ModelError, UsageError
from genome_index.lab.annotate.tokens.files import (
    MANIFEST,
    files_of,
    open_tokenizer_files,
    sha256_of,
)
from genome_index.lab.annotate.tokens.token_lists import (
    BOS,
    EOS,
    TASK,
    TYPES,
    first_tokens,
    read_tokens,
    write_tokens,
)
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer, open_annotation_tokenizer
from genome_index.lab.annotate.tokens.triplets import triplets

ROWS = 300  # of the stand-in of DNABERT-2's tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_bpe(tmp_path_factory.mktemp("bpe"), ROWS)


@pytest.fixture(scope="module")
def files(folder):
    return open_tokenizer_files(folder).with_tokens(first_tokens(), "gindex", str(folder))


@pytest.fixture(scope="module")
def tokenizer(files):
    return AnnotationTokenizer(files, "a model")


def line(kind="CDS", start="12", end="345", strand="+", phase="0", gene="1", biotype="protein_coding"):
    return "\t".join((kind, start, end, strand, phase, gene, biotype)) + "\n"


# -- the list -----------------------------------------------------------------------------------------------


def test_the_stand_in_is_laid_out_as_dnabert2s(folder):
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert [library.token_to_id(token) for token in BPE_SPECIAL] == [0, 1, 2, 3, 4]
    assert library.encode("ACGT").tokens[0] == "[CLS]"
    assert library.encode("ACGT").tokens[-1] == "[SEP]"
    assert library.encode("N", add_special_tokens=False).tokens == ["[UNK]"]
    assert library.encode("A\tC\n", add_special_tokens=False).tokens == ["A", "C"]  # both are lost


def test_the_first_tokens():
    tokens = first_tokens()
    assert len(tokens) == len(set(tokens))
    assert tokens[:2] == ["<bos>", "<eos>"]
    assert tokens[-1000:] == [str(number) for number in range(1000)]
    for kind in ("gene", "mRNA", "CDS", "exon", "tRNA", "misc_RNA", "origin_of_replication"):
        assert kind in TYPES
        assert kind in tokens
        assert kind.lower() in tokens
    one_by_one = ("[ATT]", "[HIT]", "+", "-", "?", ".", "\t", "\n", "<", ">", "N", "NNNNNN")
    assert set(one_by_one) <= set(tokens)
    assert "NNNNNNN" not in tokens


def test_a_list_survives_its_file(tmp_path):
    tokens = [*first_tokens(), "a b", " ends with space ", "back\\slash", "\\t"]
    write_tokens(tmp_path / "tokens.txt", tokens)
    assert read_tokens(tmp_path / "tokens.txt") == tokens


def test_a_list_may_have_raw_tabs_empty_lines_and_windows_ends(tmp_path):
    (tmp_path / "tokens.txt").write_bytes(b"\t\r\n\r\nblob\r\n\nblob\n")
    assert read_tokens(tmp_path / "tokens.txt") == ["\t", "blob"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (
            "GATTACA",
            "'GATTACA' is a sequence of bases, which would cut every sequence at it; take it out of the list",
        ),
        ("NNNNNNN", "'NNNNNNN' is a sequence of bases"),
        ("a\tb", "'a\\tb' holds a tab or a line break, which stand between fields; take it out of the list"),
    ],
)
def test_a_token_that_would_break_sequences_or_fields_is_refused(tmp_path, token, reason):
    path = tmp_path / "tokens.txt"
    path.write_text(f"gene\n{token}\n")
    with pytest.raises(UsageError) as refused:
        read_tokens(path)
    assert str(refused.value).startswith(f"{path}, line 2: {reason}")


def test_a_list_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="the list of tokens cannot be read .* give a text file"):
        read_tokens(tmp_path / "none.txt")


# -- additions ----------------------------------------------------------------------------------------------


def test_additions_keep_ids_and_go_on_above_the_highest(folder, files):
    before = open_tokenizer_files(folder).vocabulary()
    assert sorted(before.values()) == list(range(ROWS))
    after = files.vocabulary()
    assert {token: after[token] for token in before} == before
    tokens = first_tokens()
    assert [after[token] for token in tokens] == list(range(ROWS, ROWS + len(tokens)))
    more = files.with_tokens(["CDS", "operon", "operon", "gene"], "more.txt", "here")
    assert more.vocabulary() == {**after, "operon": ROWS + len(tokens)}


def test_nothing_is_changed_where_all_tokens_are_there(files):
    assert files.with_tokens(["CDS", "[CLS]"], "more.txt", "here") is files


def test_the_manifest_says_what_was_added_and_from_which_list(folder, files, tmp_path):
    more = files.with_tokens(["CDS", "operon"], "more.txt", "here")
    more.write(tmp_path)
    told = json.loads((tmp_path / MANIFEST).read_text())
    base = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    assert told["base_sha256"] == base
    first, second = told["additions"]
    assert (first["addition"], first["source"], first["sha256"]) == (1, "gindex", sha256_of(first_tokens()))
    assert list(first["tokens"].items())[:2] == [("<bos>", ROWS), ("<eos>", ROWS + 1)]
    assert second == {
        "addition": 2, "source": "more.txt", "sha256": sha256_of(["CDS", "operon"]),
        "tokens": {"operon": ROWS + len(first_tokens())},
    }  # fmt: skip
    assert open_tokenizer_files(tmp_path) == more
    assert open_tokenizer_files(tmp_path / "tokenizer.json") == more


def test_the_same_additions_give_the_same_bytes(folder, tmp_path):
    for name in ("one", "two"):
        open_tokenizer_files(folder).with_tokens(first_tokens(), "gindex", "here").write(tmp_path / name)
    for file in ("tokenizer.json", MANIFEST):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_tokenizer_with_gaps_between_its_ids_is_refused(folder):
    layout = json.loads((folder / "tokenizer.json").read_text())
    last = max(layout["model"]["vocab"], key=layout["model"]["vocab"].get)
    layout["model"]["vocab"][last] = ROWS + 50
    with pytest.raises(ModelError) as refused:
        files_of(json.dumps(layout)).with_tokens(["gene"], "a list", "some/tokenizer.json")
    assert str(refused.value) == (
        f"some/tokenizer.json: ids are missing below {ROWS + 51}, so new tokens would get ids of others; "
        "give a tokenizer.json of the library `tokenizers`, as of DNABERT-2"
    )


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer.json: there is no such file; give a tokenizer.json"):
        open_tokenizer_files(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer.json: it cannot be read .* give a tokenizer.json"):
        open_tokenizer_files(tmp_path)
    (tmp_path / "tokenizer.json").write_text(triplets())
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(ModelError, match=r"added-tokens.json: the manifest cannot be read"):
        open_tokenizer_files(tmp_path)


def test_a_tokenizer_without_the_tokens_of_a_model_is_refused(folder):
    with pytest.raises(ModelError) as refused:
        open_annotation_tokenizer(folder)
    assert str(refused.value) == (
        f"{folder}: its tokenizer has no token <bos>; add it with `gindex lab annotate tokens append LIST "
        "TOKENIZER`"
    )


# -- sequences ----------------------------------------------------------------------------------------------


def test_a_sequence_is_that_of_dnabert2_between_the_special_tokens(folder, tokenizer):
    bases = "GATTACAGATTACATTTGGGCCC" * 5
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = library.encode(bases, add_special_tokens=False)
    source = tokenizer.source(bases)
    assert source.ids.tolist() == [1, tokenizer.task, *plain.ids, 2]
    assert source.starts.tolist() == [-1, -1, *(start for start, _ in plain.offsets), -1]
    assert source.ends.tolist() == [-1, -1, *(end for _, end in plain.offsets), -1]
    assert source.phases.tolist() == [-1, -1, *(start % 3 for start, _ in plain.offsets), -1]


def test_lower_case_and_other_letters(tokenizer):
    assert tokenizer.source("acgtRn").ids.tolist() == tokenizer.source("ACGTNN").ids.tolist()


def test_runs_of_n_have_tokens_of_up_to_six(tokenizer):
    source = tokenizer.source("ACGT" + "N" * 8 + "A")
    assert [tokenizer.tokens[number] for number in source.ids.tolist()][-4:] == ["NNNNNN", "NN", "A", "[SEP]"]
    assert source.starts.tolist()[-4:] == [4, 10, 12, -1]
    assert source.ends.tolist()[-4:] == [10, 12, 13, -1]


@given(st.text("ACGTN", min_size=1, max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tokens_of_a_sequence_cover_it_without_a_gap(tokenizer, bases):
    source = tokenizer.source(bases)
    read = [tokenizer.tokens[number] for number in source.ids.tolist()]
    assert read[:2] + read[-1:] == ["[CLS]", "[ATT]", "[SEP]"]
    assert "".join(read[2:-1]) == bases
    at = 0
    for token, start, end in zip(read[2:-1], source.starts[2:-1], source.ends[2:-1], strict=True):
        assert (start, end) == (at, at + len(token))
        at = end


def test_triplets_begin_anew_behind_each_n():
    files = files_of(triplets()).with_tokens(first_tokens(), "gindex", "triplets")
    tokenizer = AnnotationTokenizer(files, "triplets")
    source = tokenizer.source("gattacaNCCCGG")
    read = [tokenizer.tokens[number] for number in source.ids.tolist()]
    assert read == ["[CLS]", "[ATT]", "GAT", "TAC", "A", "N", "CCC", "G", "G", "[SEP]"]
    assert source.starts.tolist() == [-1, -1, 0, 3, 6, 7, 8, 11, 12, -1]
    assert source.ends.tolist() == [-1, -1, 3, 6, 7, 8, 11, 12, 13, -1]
    assert (tokenizer.unk, tokenizer.cls, tokenizer.sep, tokenizer.pad) == (0, 1, 2, 3)


# -- targets ------------------------------------------------------------------------------------------------


def test_a_line_is_its_fields_and_their_separators(tokenizer):
    text = f"<bos>{line(start='<1', end='>1000', strand='-', phase='.')}<eos>"
    ids = tokenizer.target_ids(text)
    assert [tokenizer.tokens[number] for number in ids.tolist()] == [
        "<bos>", "CDS", "\t", "<", "1", "\t", ">", "100", "0", "\t", "-", "\t", ".", "\t", "1", "\t",
        "protein_coding", "\n", "<eos>",
    ]  # fmt: skip
    assert tokenizer.target_text(ids) == text
    assert (ids[0], ids[-1]) == (tokenizer.bos, tokenizer.eos)


NUMBER = st.integers(0, 12_345).map(str)
LINES = st.builds(
    line,
    kind=st.sampled_from(first_tokens()[2 : 2 + len(TYPES)]),
    start=st.tuples(st.sampled_from(["", "<"]), NUMBER).map("".join),
    end=st.tuples(st.sampled_from(["", ">"]), NUMBER).map("".join),
    strand=st.sampled_from("+-.?"),
    phase=st.sampled_from("012."),
    gene=NUMBER,
    biotype=st.sampled_from([".", "protein_coding", "tRNA", "rrna"]),
)


@given(st.lists(LINES, max_size=12).map("".join))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_target_survives_its_tokens(tokenizer, text):
    whole = f"<bos>{text}<eos>"
    assert tokenizer.target_text(tokenizer.target_ids(whole)) == whole


@given(st.lists(st.sampled_from(first_tokens()[:-1000] + ["1", "12", "999"]), max_size=30))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_of_target_tokens_survives_as_text(tokenizer, row):
    text = "".join(token for token in row if "N" not in token or "A" in token)
    assert tokenizer.target_text(tokenizer.target_ids(text)) == text


@pytest.mark.parametrize("before", ["", line()])
@pytest.mark.parametrize(
    ("text", "piece"),
    [
        (line(kind="blob"), "blob"),
        (line(kind="mRNA_blob"), "mRNA_blob"),
        (line(biotype="polyA_site"), "polyA_site"),
        (line(kind="A"), "A"),
        (line(kind="N"), "N"),
        (line(biotype="tRNA ") + line(), "tRNA "),
        (line(biotype="é"), "é"),
        ("CDS\r\n", "CDS\r"),
        ("gene\tblob", "blob"),
    ],
)
def test_a_target_that_tokens_cannot_write_is_refused_and_never_unknown(tokenizer, before, text, piece):
    with pytest.raises(UsageError) as refused:
        tokenizer.target_ids(f"<bos>{before}{text}<eos>")
    assert str(refused.value) == (
        f"a model: the tokenizer has no token for {piece!r} of a target; add it with `gindex lab annotate "
        "tokens append LIST TOKENIZER`"
    )


def test_a_normalizer_does_not_touch_targets(folder):
    """As that of GENA-LM's tokenizer, which strips: tokens are found before it."""
    layout = json.loads((folder / "tokenizer.json").read_text())
    layout["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}],
    }
    files = files_of(json.dumps(layout)).with_tokens(first_tokens(), "gindex", "here")
    stripping, text = AnnotationTokenizer(files, "here"), f"<bos>{line()}{line(kind='cds')}<eos>"
    assert stripping.target_text(stripping.target_ids(text)) == text


def test_the_ends_of_a_target_are_in_lower_case_everywhere(tokenizer):
    """Baked targets that begin with <BOS> had no token in the recipe's own list, which has <bos>."""
    assert (BOS, EOS, TASK) == ("<bos>", "<eos>", "[ATT]")
    assert tokenizer.target_ids(BOS + EOS).tolist() == [tokenizer.bos, tokenizer.eos]
    with pytest.raises(UsageError, match="no token for '<BOS>CDS'"):
        tokenizer.target_ids(f"<BOS>{line()}")


def test_an_added_type_is_one_token(files):
    text = line(kind="5S_rRNA_like")
    with pytest.raises(UsageError, match="5S_rRNA_like"):
        AnnotationTokenizer(files, "a model").target_ids(text)
    more = AnnotationTokenizer(files.with_tokens(["5S_rRNA_like"], "more.txt", "here"), "a model")
    assert more.tokens[int(more.target_ids(text)[0])] == "5S_rRNA_like"
    assert more.target_text(more.target_ids(text)) == text
