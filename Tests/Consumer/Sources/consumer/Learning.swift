import Ditto
import Foundation

func learn(from mixed: URL, expert: URL, into runs: URL) throws {
  var world = WorldModelConfiguration()
  world.training.steps = 4000
  try WorldModelRun.start(at: runs.appending(path: "wm"), data: [mixed, expert], world, seed: 1, Compute())

  var agent = AgentConfiguration()
  agent.method = .ditto
  agent.imitation.horizon = 15
  try AgentRun.start(
    at: runs.appending(path: "agent"), .worldModel(runs.appending(path: "wm")), data: expert, useEpisodes: 15, agent,
    seed: 1, Compute())
}
