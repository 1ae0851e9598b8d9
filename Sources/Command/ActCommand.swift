import ArgumentParser
import Evaluation
import Foundation
import Imitation
import Runs
import Spaces

struct ActCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "act", abstract: "Maps frames on standard input to actions on standard output.",
    discussion: """
      Each message on standard input is one byte and what it says:
        F LENGTH FRAME  what is seen: its length in bytes as little-endian uint32, then its fields one after the other, in the
                        order that --describe prints: a picture as uint8 [C, Y, X], row by row, vectors and the indices of classes as
                        little-endian float32. Another length than the agent's is an error at once
        R LENGTH        a new episode begins, and the agent forgets what it has seen; the length is 0
      The same without lengths, where nobody can tell a frame that is too small from one that is late:
        f FRAME
        r
      For each frame one line is written: an action's classes, from 0, then its numbers, part by part as --describe has them. The end of the input
      ends it.
      What the agent takes is said on standard error first.
      """)

  @Argument(help: .init("An agent's run.", valueName: "run")) var agent: String
  @Option(help: "sampled or best (default: as the agent's configuration says).") var actions: ActionChoice?
  @Option(help: "Of the agent's draws.") var seed: UInt64 = 0
  @Flag(help: "Print what the agent sees and does as one JSON document, and end.") var describe = false
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let agent = try Agent.load(agent, actions: actions, seed: seed, compute.apply())
    if describe { return try printResult(AgentDescription(agent), json: true) }
    Console.say("\(AgentDescription(agent))")
    var input = FrameStream(STDIN_FILENO, frameSize: agent.observation.frameSize)
    while let message = try input.next() {
      switch message {
      case .reset: agent.reset()
      case .frame(let frame): try printResult("\(try agent.act(on: frame))")
      }
    }
  }
}

/// What an agent sees and does: what `--describe` prints.
private struct AgentDescription: Encodable {
  let frameBytes: Int
  let observation: ObservationSpace
  let actions: [ActionSpace.Part]

  init(_ agent: Agent) {
    (frameBytes, observation) = (agent.observation.frameSize, agent.observation)
    actions = agent.actions.parts
  }
}

extension AgentDescription: CustomStringConvertible {
  var description: String {
    let space = ActionSpace(actions)
    let answer = space.discreteCount.map { "one of \($0) actions" } ?? "\(space)"
    return "takes frames of \(frameBytes) bytes, \(observation), and answers with \(answer)"
  }
}
