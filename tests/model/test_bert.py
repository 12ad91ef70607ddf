"""The text encoders' layers against those of transformers."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from clapsep_desktop.model.bert import Bert, BertSizes

SIZES = BertSizes(
    vocabulary=50, width=24, layers=3, heads=4, mlp_width=40, positions=20, types=2, epsilon=1e-6
)
PAD = 1
TOKENS = torch.tensor([[0, 5, 9, 17, 33, 2], [0, 49, 2, PAD, PAD, PAD], [0, 2, PAD, PAD, PAD, PAD]])
HEARD = TOKENS != PAD


@pytest.mark.parametrize("roberta", [False, True])
def test_the_same_weights_give_the_same_states(roberta: bool) -> None:
    config = {False: BertConfig, True: RobertaConfig}[roberta](
        vocab_size=SIZES.vocabulary,
        hidden_size=SIZES.width,
        num_hidden_layers=SIZES.layers,
        num_attention_heads=SIZES.heads,
        intermediate_size=SIZES.mlp_width,
        max_position_embeddings=SIZES.positions,
        type_vocab_size=SIZES.types,
        layer_norm_eps=SIZES.epsilon,
        pad_token_id=PAD,
    )
    torch.manual_seed(0)
    theirs = {False: BertModel, True: RobertaModel}[roberta](config).eval()
    ours = Bert(SIZES, first_position=PAD + 1 if roberta else 0, pooler=True).eval()
    constants = ("position_ids", "token_type_ids")
    weights = {n: w for n, w in theirs.state_dict().items() if not n.endswith(constants)}
    ours.load_state_dict(weights)
    with torch.inference_mode():
        expected = theirs(input_ids=TOKENS, attention_mask=HEARD.long())
        states = ours(TOKENS, HEARD)
        torch.testing.assert_close(states[HEARD], expected.last_hidden_state[HEARD])
        torch.testing.assert_close(ours.pooled(states), expected.pooler_output)
