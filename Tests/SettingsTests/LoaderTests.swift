import Foundation
import Testing

@testable import Settings

private enum Pace: String, Codable, CaseIterable { case slow, fast }

private struct OptimizerSettings: Configuration {
  static let former: [String: FormerSetting] = ["rate": .renamed("learningRate"), "momentum": .removed(neutral: "0.0")]
  var learningRate = 3e-4
  var clip = 100.0
  func check(_ problems: inout Problems) {
    problems.require(learningRate > 0, "learningRate", "is \(learningRate), must be positive")
  }
}

private struct AgentSettings: Configuration {
  var horizon = 15
  var discount = 0.95
  var seed: UInt64 = 0
  var augment = false
  var name = "ditto"
  var pace = Pace.slow
  var kernels = [4, 4]
  var scales = [1.0]
  var labels: [String] = []
  var actor = OptimizerSettings()
  var critic = OptimizerSettings()
  func check(_ problems: inout Problems) {
    problems.require(horizon >= 1, "horizon", "is \(horizon), must be at least 1")
    problems.require(discount < 1, "discount", "is \(discount), must be below 1")
    problems.check(actor, "actor")
    problems.check(critic, "critic")
  }
}

private func load(_ yaml: String = "", _ overrides: String...) throws -> AgentSettings {
  try AgentSettings.load(.agent, from: [Preset(name: "my.yaml", yaml: yaml)], overrides: overrides)
}

/// The problems that loading reports.
private func problems(_ yaml: String = "", _ overrides: String...) -> [String] {
  do {
    _ = try AgentSettings.load(.agent, from: [Preset(name: "my.yaml", yaml: yaml)], overrides: overrides)
    return []
  } catch ConfigurationError.invalid(let lines) {
    return lines
  } catch {
    return ["\(error)"]
  }
}

@Suite struct LoaderTests {
  @Test func knowsFormerNames() throws {
    var notes: [String] = []
    let old = Preset(name: "old.yaml", yaml: "agent:\n  actor: {rate: 0.25, momentum: 0}")
    let loaded = try AgentSettings.load(
      .agent, from: [old], overrides: ["critic.rate=0.5"], note: { notes.append($1) })
    #expect(loaded.actor.learningRate == 0.25 && loaded.critic.learningRate == 0.5)
    #expect(
      notes == [
        "old.yaml:2: 'agent.actor.rate' is called 'agent.actor.learningRate' now",
        "--set critic.rate=0.5: 'critic.rate' is called 'critic.learningRate' now",
      ])
  }

  @Test func saysWhatIsGone() throws {
    var notes: [String] = []
    let old = [Preset(name: "my.yaml", yaml: "agent: {actor: {momentum: 0.9}, critic: {momentum: 0}}")]
    _ = try AgentSettings.load(.agent, from: old, note: { notes.append($1) })
    #expect(notes == ["my.yaml:1: 'agent.actor.momentum' is gone; all is done as with 0.0"])
    // A name twice, once as it was and once as it is.
    #expect(problems("agent: {actor: {rate: 1, learningRate: 1}}").count == 1)
  }

  /// As a shell's <(…) makes them: they can be read once.
  @Test func readsPipesAsOftenAsTheyAreAskedFor() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    let text = Data("agent: {horizon: 3}".utf8)
    FileHandle(fileDescriptor: ends[1], closeOnDealloc: false).write(text)
    close(ends[1])
    for _ in 0..<2 {
      let preset = try Preset.named("/dev/fd/\(ends[0])", among: [])
      #expect(try AgentSettings.load(.agent, from: [preset], overrides: []).horizon == 3)
    }
    close(ends[0])
  }

  /// What YAML 1.1 takes otherwise than people mean it.
  @Test(arguments: [
    ("horizon", "012", "is '012', which YAML reads as 10 (octal); write 12 or 10"),
    ("horizon", "-012", "is '-012', which YAML reads as -10 (octal); write -12 or -10"),
    ("horizon", "1:30", "is '1:30', which YAML reads as 90 (base 60); write 90"),
    ("actor.clip", "010", "is '010', which YAML reads as 8 (octal); write 10 or 8"),
    (
      "horizon", "9223372036854775807:0",
      "is '9223372036854775807:0', which YAML reads as 553402322211286548480 (base 60); write 553402322211286548480"
    ),
    ("actor.clip", "1:30.5", "is '1:30.5', which YAML reads as 90.5 (base 60); write 90.5"),
    ("kernels", "[4, 017]", "holds '017', which YAML reads as 15 (octal); write 17 or 15"),
  ]) func refusesNumbersThatAreMisread(key: String, value: String, message: String) {
    #expect(problems("", "\(key)=\(value)") == ["--set \(key)=\(value): \(key) \(message)"])
    let nested = key.split(separator: ".").reversed().reduce(value) { "{\($1): \($0)}" }
    #expect(problems("agent: \(nested)") == ["my.yaml:1: agent.\(key) \(message)"])
  }

  @Test func takesOtherNumbersAndTextAsTheyAre() throws {
    let loaded = try load("", "horizon=1_000", "discount=0.5", "name=012", "actor.clip=0x10", "seed=0", "labels=[1:30]")
    #expect(
      loaded.horizon == 1000 && loaded.discount == 0.5 && loaded.name == "012" && loaded.actor.clip == 16
        && loaded.seed == 0 && loaded.labels == ["1:30"])
  }

  @Test(arguments: ["", "# nothing", "agent:", "worldModel: {anything: 1}"]) func defaultsStandWhereNothingIsSaid(
    yaml: String
  ) throws {
    #expect(try load(yaml) == AgentSettings())
  }

  @Test func laterLayersAndThenOverridesWin() throws {
    let loaded = try AgentSettings.load(
      .agent,
      from: [
        Preset(name: "a", yaml: "agent: {horizon: 5, actor: {learningRate: 1, clip: 7}}"),
        Preset(name: "b", yaml: "agent:\n  horizon: 6\n  actor:\n    learningRate: 1e-3\n"),
      ], overrides: ["horizon=7", "critic.clip=1e2"])
    var expected = AgentSettings()
    expected.horizon = 7
    expected.actor.learningRate = 1e-3
    expected.actor.clip = 7
    expected.critic.clip = 100
    #expect(loaded == expected)
  }

  @Test func readsEveryTypeOfValue() throws {
    let loaded = try load(
      "", "seed=18446744073709551615", "augment=true", "name=007", "pace=fast", "kernels=[1, 2, 3]", "scales=[1, 2.5]",
      "labels=[a, off]", "actor={learningRate: 3e-4, clip: 2}")
    #expect(loaded.seed == .max)
    #expect(loaded.augment)
    #expect(loaded.name == "007")
    #expect(loaded.pace == .fast)
    #expect(loaded.kernels == [1, 2, 3])
    #expect(loaded.scales == [1, 2.5])
    #expect(loaded.labels == ["a", "off"])
    #expect(loaded.actor.learningRate == 3e-4 && loaded.actor.clip == 2)
    #expect(try load("", "name=").name == "")
    #expect(try load("", "name=a=b").name == "a=b")
  }

  @Test func unknownKeysNameTheNearestRealOneAndTheirLine() {
    let yaml = "agent:\n  horizn: 3\n  actor:\n    learning_rate: 1\n  colour: red\n"
    #expect(
      problems(yaml, "learningRate=1", "actor.clp=2") == [
        "my.yaml:2: unknown key 'agent.horizn'; did you mean 'agent.horizon'?",
        "my.yaml:4: unknown key 'agent.actor.learning_rate'; did you mean 'agent.actor.learningRate'?",
        "my.yaml:5: unknown key 'agent.colour'; 'agent' has horizon, discount, seed, augment, name, pace, kernels, scales, labels, "
          + "actor, critic",
        "--set learningRate=1: unknown key 'learningRate'; did you mean 'actor.learningRate'?",
        "--set actor.clp=2: unknown key 'actor.clp'; did you mean 'actor.clip'?",
      ])
  }

  @Test func valuesOfTheWrongTypeNameWhatWasFoundAndExpected() {
    let yaml =
      "agent:\n  horizon: 1.5\n  discount: high\n  augment: 1\n  actor: 5\n  name: [a]\n  kernels: [1, x]\n  critic:\n    clip:\n"
    #expect(
      problems(yaml, "pace=medium", "horizon=many", "horizon=") == [
        "my.yaml:2: agent.horizon is '1.5', expected a whole number",
        "my.yaml:3: agent.discount is 'high', expected a finite number",
        "my.yaml:4: agent.augment is '1', expected true or false",
        "my.yaml:5: agent.actor is '5', expected a section with keys",
        "my.yaml:6: agent.name is a list, expected text",
        "my.yaml:7: agent.kernels holds 'x', expected each to be a whole number",
        "my.yaml:9: agent.critic.clip is empty, expected a finite number",
        "--set pace=medium: pace is 'medium', expected one of slow, fast",
        "--set horizon=many: horizon is 'many', expected a whole number",
        "--set horizon=: horizon is '', expected a whole number",
      ])
  }

  @Test func valuesThatOnlyTheDecoderRefusesNameTheirKey() {
    let lines = problems("agent: {seed: -1}")
    #expect(lines.count == 1 && lines[0].hasPrefix("my.yaml:1: seed cannot be read: "), "\(lines)")
  }

  @Test func checksReportEveryProblemWithItsPlace() {
    #expect(
      problems("agent:\n  horizon: 0\n", "critic.learningRate=-1", "discount=1") == [
        "my.yaml:2: horizon is 0, must be at least 1",
        "--set discount=1: discount is 1.0, must be below 1",
        "--set critic.learningRate=-1: critic.learningRate is -1.0, must be positive",
      ])
    var settings = AgentSettings()
    settings.actor.learningRate = 0
    #expect(throws: ConfigurationError.invalid(["actor.learningRate is 0.0, must be positive"])) {
      try settings.validate()
    }
  }

  @Test func malformedDocumentsAndOverridesSaySo() {
    #expect(problems("agents: {}") == ["my.yaml:1: unknown section 'agents'; did you mean 'agent'?"])
    #expect(
      problems("- agent") == ["my.yaml: is a list, expected a mapping with the sections 'worldModel' and 'agent'"])
    #expect(problems("agent:\n  horizon: 1\n  horizon: 2\n").first?.contains("'horizon' stands more than once") == true)
    #expect(problems("agent: {horizon: [1\n").first?.hasPrefix("my.yaml:2: not YAML: ") == true)
    #expect(problems("", "horizon") == ["--set horizon: expected 'key.path=value'"])
    #expect(problems("", "actor.=1") == ["--set actor.=1: expected 'key.path=value'"])
    #expect(problems("", "name=[").count == 1)
  }

  @Test func theResolvedDocumentLoadsBackEqual() throws {
    let settings = try load(
      "", "seed=18446744073709551615", "discount=0.1", "actor.learningRate=1e-05", "critic.clip=1e300",
      "name='yes: \"#1\"'",
      "pace=fast", "labels=['1', null, '']", "scales=[0.30000000000000004]")
    let yaml = try settings.yaml(.agent)
    #expect(try load(yaml) == settings, "\(yaml) \(settings)")
    #expect(try AgentSettings().yaml(.agent).contains("learningRate: 0.0003\n"))
  }
}

@Suite struct PresetTests {
  private let presets = ["small", "tiny", "paper"].map { Preset(name: $0, yaml: "agent: {}") }

  @Test func aWordIsAPresetElseAFile() throws {
    #expect(try Preset.named("tiny", among: presets) == presets[1])
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("preset-\(UUID()).yaml")
    try Data("agent:".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(try Preset.named(file.path, among: presets) == Preset(name: file.path, yaml: "agent:"))
  }

  @Test func refusesOtherWordsNamingThePresetsNearestFirst() throws {
    #expect(throws: ConfigurationError.unknownPreset("papr", known: ["paper", "small", "tiny"])) {
      try Preset.named("papr", among: presets)
    }
    let binary = FileManager.default.temporaryDirectory.appendingPathComponent("ditto-\(UUID())")
    try Data([0xff, 0xfe, 0x41]).write(to: binary)
    defer { try? FileManager.default.removeItem(at: binary) }
    #expect(throws: ConfigurationError.unreadable(file: binary.path, reason: "it is not UTF-8 text")) {
      try Preset.named(binary.path, among: presets)
    }
    #expect(throws: ConfigurationError.unreadable(file: "/", reason: "it is a folder")) {
      try Preset.named("/", among: presets)
    }
  }
}

@Test(arguments: [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("Horizon", "horizon", 0)])
func editDistanceCountsChanges(a: String, b: String, distance: Int) {
  #expect(editDistance(a, b) == distance)
}
