import Foundation
import Testing

/// `ditto demo`, with training as short as it gets.
@Suite struct DemoTests {
  private struct Results: Decodable {
    struct Player: Decodable { let mean, se: Double; let returns: [Double] }
    let expert, ditto, random: Player
    let share: Double
    let seed: UInt64
    let actions, configuration, commit: String
  }

  private static let settings = """
    worldModel:
      model: {depth: 2, deterministic: 16, hidden: 16, groups: 4, classes: 4}
      sequences: {batch: 4, length: 8}
      training: {steps: 3}
    agent:
      imitation: {batch: 8, policy: {width: 16}, warmStart: {cloningSteps: 0}}
      training: {steps: 2}
    """

  @Test func reportsAndGoesOnWhereItWasInterrupted() throws {
    let scratch = try Scratch()
    try Data(Self.settings.utf8).write(to: scratch.url.appending(path: "short.yaml"))
    let command = ["demo", "--output", "demo", "--config", "short.yaml", "--seed"]

    // Stopped while it records; then started again.
    let (process, wait) = try Program.start(command + ["5"], in: scratch.url)
    while process.isRunning, !scratch.exists("demo/data/expert") { usleep(2_000) }
    kill(process.processIdentifier, SIGTERM)
    let stopped = try wait()
    #expect(
      stopped.status == 143 && stopped.output.isEmpty && !scratch.exists("demo/results.json"), "\(stopped.errors)")
    let other = try Program.start(command + ["6"], in: scratch.url).wait()
    #expect(other.status == 64 && other.errors.contains("another seed"), "\(other.errors)")

    let outcome = try Program.start(command + ["5"], in: scratch.url).wait()
    try #require(outcome.status == 0, "\(outcome.errors)")
    for name in ["expert", "ditto", "random", "share of the way"] { #expect(outcome.output.contains(name)) }
    #expect(outcome.errors.contains("evaluating ditto"))
    let results = try JSONDecoder().decode(Results.self, from: scratch.bytes("demo/results.json"))
    #expect(results.expert.returns == [Double](repeating: 300, count: 20) && results.expert.se == 0)
    #expect(results.random.mean < 15 && results.ditto.returns.count == 20)
    #expect(abs(results.share - (results.ditto.mean - results.random.mean) / (300 - results.random.mean)) < 1e-9)
    #expect(
      results.seed == 5 && results.actions == "best" && results.configuration.contains("steps: 3")
        && !results.commit.isEmpty)
    #expect(try scratch.bytes("demo/dream.gif").prefix(6) == Data("GIF89a".utf8))

    let again = try Program.start(command + ["5"], in: scratch.url).wait()
    #expect(again.status == 64 && again.errors.contains("--output"), "\(again.errors)")
  }
}
