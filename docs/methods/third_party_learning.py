"""Other people's learner on our game: IPPO of skrl (https://skrl.readthedocs.io) trains the nodes of a small network.

    python docs/methods/third_party_learning.py

Nothing of skrl is adapted: it wraps the environment as any PettingZoo environment.
"""

from __future__ import annotations

import skrl
import torch
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, Model, MultiCategoricalMixin
from skrl.multi_agents.torch.ippo import IPPO, IPPO_CFG
from skrl.trainers.torch import SequentialTrainer, SequentialTrainerCfg
from skrl.utils import set_seed

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.learning.environment.parallel_env import ParallelEnvironment
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FixedSource
from fgamcd_opt.problem.p1 import P1

STEPS = 384
ROLLOUT = 64


class Actor(MultiCategoricalMixin, Model):
    """Logits of the bits of one node: cache the block, migrate it to each of the others."""

    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        MultiCategoricalMixin.__init__(self)
        self.net = torch.nn.Sequential(
            torch.nn.Linear(self.num_observations, 64), torch.nn.Tanh(), torch.nn.Linear(64, self.num_actions)
        )

    def compute(self, inputs, role=""):
        return self.net(inputs["observations"]), {}


class Critic(DeterministicMixin, Model):
    """Value of what one node observes."""

    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.net = torch.nn.Sequential(
            torch.nn.Linear(self.num_observations, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)
        )

    def compute(self, inputs, role=""):
        return self.net(inputs["observations"]), {}


def make_game() -> ParallelEnvironment:
    """A fixed instance with three nodes whose caches hold the requested blocks only together; no repair of mistakes."""
    instance = load("small", {"nodes": "3", "users": "4", "storage_gb": "0.05"})
    return ParallelEnvironment(FixedSource(Scenario(P1(instance))), repair="none")


def make_agents(env) -> IPPO:
    """An actor and a critic for each node."""
    models, memories = {}, {}
    for agent in env.possible_agents:
        spaces = {
            "observation_space": env.observation_space(agent),
            "state_space": env.state_space(agent),
            "action_space": env.action_space(agent),
            "device": env.device,
        }
        models[agent] = {"policy": Actor(**spaces), "value": Critic(**spaces)}
        memories[agent] = RandomMemory(memory_size=ROLLOUT, num_envs=env.num_envs, device=env.device)
    none = {
        agent: {} for agent in env.possible_agents
    }  # skrl 2.1 refuses its own default, one empty dict for all
    config = IPPO_CFG(
        rollouts=ROLLOUT,
        learning_epochs=3,
        mini_batches=2,
        learning_rate=3e-3,
        discount_factor=0.9,
        learning_rate_scheduler_kwargs=none,
        observation_preprocessor_kwargs=none,
        state_preprocessor_kwargs=none,
        value_preprocessor_kwargs=none,
    )
    config.experiment.write_interval = config.experiment.checkpoint_interval = 0
    return IPPO(
        possible_agents=env.possible_agents,
        models=models,
        memories=memories,
        observation_spaces=env.observation_spaces,
        state_spaces=env.state_spaces,
        action_spaces=env.action_spaces,
        device=env.device,
        cfg=config,
    )


def mean_return(env, agents: IPPO, episodes: int = 3) -> float:
    """Mean return of the agents as they are, over whole episodes."""
    total = 0.0
    for _ in range(episodes):
        observations, _ = env.reset()
        while env.agents:
            with torch.no_grad():
                actions, _ = agents.act(observations, env.state(), timestep=0, timesteps=1)
            observations, rewards, *_ = env.step(actions)
            total += float(rewards[env.possible_agents[0]])
    return total / episodes


def main() -> None:
    """Train, and print what the agents earn before and after."""
    torch.set_num_threads(1)
    skrl.logger.setLevel("ERROR")
    set_seed(1)
    env = wrap_env(make_game(), wrapper="pettingzoo")
    agents = make_agents(env)
    trainer = SequentialTrainer(
        env=env,
        agents=agents,
        cfg=SequentialTrainerCfg(timesteps=STEPS, headless=True, disable_progressbar=True),
    )
    print(f"mean return before training: {mean_return(env, agents):.1f}")
    trainer.train()
    print(f"mean return after {STEPS} steps: {mean_return(env, agents):.1f}")


if __name__ == "__main__":
    main()
