import ArgumentParser
import Experiments
import Foundation
import Imitation

struct ActCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "act", abstract: "Maps frames on standard input to actions on standard output.",
    discussion: """
      Each message on standard input is one byte and, for 'f', what is seen:
        r        a new episode begins: the agent forgets what it has seen
        f FRAME  raw uint8 pixels, row by row (channels × height × width bytes), then a vector's numbers as little-endian float32,
                 each where the agent was trained on it
      For each frame one line is written: an action's number, or the numbers of an action that is a vector. The end of the input ends it.
      """)

  @Argument(help: .init("An agent's run.", valueName: "run")) var agent: String
  @Option(help: "sampled or best (default: as the agent's configuration says).") var actions: ActionChoice?
  @Option(help: "Of the agent's draws.") var seed: UInt64 = 0
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let agent = try Agent.load(agent, actions: actions, seed: seed, compute.apply())
    let input = FrameStream(frameSize: agent.observation.frameSize)
    while let message = try input.next() {
      switch message {
      case .reset: agent.reset()
      case .frame(let frame): try printResult("\(try agent.act(on: frame))")
      }
    }
  }
}

/// Messages on standard input.
private struct FrameStream {
  enum Message { case reset, frame([UInt8]) }
  let frameSize: Int

  /// - Throws: where the input is not framed as documented.
  func next() throws -> Message? {
    guard let kind = read(1).first else { return nil }
    switch kind {
    case UInt8(ascii: "r"): return .reset
    case UInt8(ascii: "f"):
      let frame = read(frameSize)
      guard frame.count == frameSize else { throw ImitationError.wrongFrame(expected: frameSize, found: frame.count) }
      return .frame(frame)
    default:
      throw ExperimentError.notAnOption("standard input has byte \(kind) where a message begins", allowed: "messages begin with 'r' or 'f'; see 'ditto act --help'")
    }
  }

  /// Up to `count` bytes, fewer only at the end.
  private func read(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count, let more = try? FileHandle.standardInput.read(upToCount: count - bytes.count), !more.isEmpty { bytes += more }
    return bytes
  }
}
