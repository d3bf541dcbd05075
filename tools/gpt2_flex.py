"""GPT-2 whose layers differ, under the model type and the tensor names of Archai's gpt2-flex: what Transformers needs to
load a heterogeneous checkpoint of lts. A layer of its own shape is still Transformers' own block."""
import copy

from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
from transformers.models.gpt2.modeling_gpt2 import GPT2Block


class GPT2FlexConfig(GPT2Config):
    model_type = "gpt2-flex"


class GPT2FlexLMHeadModel(GPT2LMHeadModel):
    config_class = GPT2FlexConfig

    def __init__(self, config):
        def layer_config(i):
            part = copy.deepcopy(config)
            part.n_head, part.n_inner = config.n_head[i], config.n_inner[i]
            part._attn_implementation = "eager"
            return part

        super().__init__(layer_config(0))
        self.config = self.transformer.config = config
        self.transformer.h = nn.ModuleList(GPT2Block(layer_config(i), layer_idx=i) for i in range(config.n_layer))
        self.post_init()


AutoConfig.register("gpt2-flex", GPT2FlexConfig)
AutoModelForCausalLM.register(GPT2FlexConfig, GPT2FlexLMHeadModel)
