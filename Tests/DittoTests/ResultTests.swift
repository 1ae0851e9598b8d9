import Foundation
import Testing

/// What commands make and say where they are given what they need.
@Suite struct ResultTests {
  /// Numbers beyond what JSON and pictures can hold.
  @Test func writesNumbersThatAreNotFinite() throws {
    let scratch = try CommandTests.made.get()
    let result = try Program.succeed(
      "evaluate", "agent", "--environment", "road", "--episodes", "2", "--json", in: scratch.url
    ).output
    for seed in 0..<2 {
      let changed = result.replacing(/"mean" : [-0-9.e]+/, with: "\"mean\" : 1e308").replacing(
        "    \"seed\" : 0", with: "    \"seed\" : \(seed)")
      try Data(changed.utf8).write(to: scratch.url.appending(path: "large-\(seed).json"))
    }
    let report = try Program.succeed(
      "report", "large-0.json", "large-1.json", "--json", "--picture", "large.svg", in: scratch.url
    ).output
    let found = try JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any]
    let point = try #require((found?["points"] as? [[String: Any]])?.first)
    #expect(point["mean"] is NSNull && (point["means"] as? [Double]) == [1e308, 1e308])
  }

  @Test func saysNothingOfTheSpreadOfOneEpisode() throws {
    let output = try Program.succeed(
      "evaluate", "scripted", "--environment", "road", "--episodes", "1", "--against", "random", "--json",
      in: CommandTests.made.get().url
    ).output
    #expect(!output.contains("\"se\"") && !output.contains("\"low\"") && !output.contains("\"p\""))
  }

  @Test(arguments: ["world-model", "agent", "encode", "act", "data", "data --data data"]) func measures(words: String)
    throws
  {
    struct Result: Decodable {
      struct Seconds: Decodable { let median, min, max: Double }
      let dtype: String
      let seconds: Seconds
      let rate, peakMemory: Double
      let gigaflops, shareOfProduct: Double?
    }
    let work = words.prefix { $0 != " " }
    var command =
      ["bench"] + words.split(separator: " ").map(String.init) + [
        "--config", "tiny", "--frame", "32x32x1", "--repeats", "1", "--dtype", "bf16", "--json",
      ]
    command += ["--set", work == "agent" ? "imitation.batch=8" : "model.depth=2"]
    let outcome = try Program.start(command, in: CommandTests.made.get().url).wait()
    try #require(outcome.status == 0, "\(outcome.errors)")
    let found = try JSONDecoder().decode(Result.self, from: Data(outcome.output.utf8))
    #expect(
      0 < found.seconds.min && found.seconds.min <= found.seconds.median && found.seconds.median <= found.seconds.max)
    #expect(found.rate > 0 && found.peakMemory > 0)
    #expect(found.dtype == "bf16")
    #expect((found.gigaflops == nil) == (work == "data") && (found.shareOfProduct == nil) == (work == "data"))
  }

  @Test func forecastsWithoutARun() throws {
    let scratch = try CommandTests.made.get()
    let settings = ["--set", "training.steps=1000", "--set", "model.depth=2"]
    for command in [
      ["world-model", "--data", "data"] + settings,
      ["agent", "--world-model", "world", "--data", "data", "--set", "imitation.batch=8"],
    ] {
      let outcome = try Program.start(["train"] + command + ["--output", "forecast", "--dry-run"], in: scratch.url)
        .wait()
      #expect(
        outcome.status == 0 && outcome.output.hasPrefix("forecast: ") && outcome.output.contains("steps"),
        "\(outcome.errors)")
      // An agent begins as a clone.
      #expect(outcome.output.contains("of cloning") == (command[0] == "agent"), "\(outcome.output)")
      #expect(!scratch.exists("forecast"))
    }
    let dril =
      ["--reward", "dril=-1", "--set", "imitation.batch=8"]
      + ["members=2", "steps=50"].flatMap { ["--set", "imitation.reward.dril.\($0)"] }
    let fitted = try Program.start(
      ["train", "agent", "--world-model", "world", "--data", "data", "--output", "forecast", "--dry-run"] + dril,
      in: scratch.url
    ).wait()
    #expect(
      fitted.output.contains("of fitting rewards") && fitted.errors.contains("fitting dril  100/100"),
      "\(fitted.output) \(fitted.errors)")
    #expect(fitted.errors.contains("away from the expert"))
  }

  @Test func actsOnFramesAndForgetsOnReset() throws {
    let scratch = try CommandTests.made.get()
    let frame = Data("f".utf8) + Data((0..<1024).map { UInt8($0 % 251) })
    let act = { (input: Data) in
      try Program.run("act", "agent", "--actions", "best", in: scratch.url, input: input).output.split(separator: "\n")
    }
    let actions = try act(frame + frame + Data("r".utf8) + frame)
    #expect(actions.count == 3)
    #expect(actions.allSatisfy { ["0", "1", "2"].contains($0) })
    let cut = try Program.run("act", "agent", in: scratch.url, input: frame + frame.prefix(100))
    #expect(cut.status == 65 && cut.errors.contains("a frame has 99 bytes"))
    #expect(cut.output.split(separator: "\n").count == 1)
  }

  @Test func comparesTwoPlayersOnTheSameEpisodes() throws {
    struct Result: Decodable { let returns: [Double] }
    struct Report: Decodable {
      let returns: [Double]
      let against: Result
      let difference, p: Double
    }
    let output = try Program.succeed(
      "evaluate", "scripted", "--environment", "road", "--episodes", "4", "--against", "random", "--json",
      in: CommandTests.made.get().url
    ).output
    let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
    #expect(report.returns == [300, 300, 300, 300] && report.against.returns.count == 4)
    #expect(report.difference == 300 - report.against.returns.reduce(0, +) / 4 && report.p < 0.001)
  }

  @Test func evaluatesTheSameWhateverRunsBeside() throws {
    struct Result: Decodable { let returns: [Double] }
    let scratch = try CommandTests.made.get()
    let returns = { (player: String, episodes: Int, seed: Int) in
      let output = try Program.succeed(
        "evaluate", player, "--environment", "road", "--episodes", "\(episodes)", "--seed", "\(seed)", "--json",
        in: scratch.url
      ).output
      return try JSONDecoder().decode(Result.self, from: Data(output.utf8)).returns
    }
    for player in ["agent", "random", "scripted"] {
      let many = try returns(player, 6, 0)
      #expect(try returns(player, 3, 0) == Array(many.prefix(3)))
    }
    #expect(try returns("random", 6, 0) != returns("random", 6, 1))
    #expect(try returns("scripted", 2, 0) == [300, 300])
  }

  /// Once for each section that a command asks for, though standard input can be read only once.
  @Test(arguments: ["-", "/dev/stdin"]) func takesAConfigurationFromStandardInput(name: String) throws {
    let (scratch, output) = (try CommandTests.made.get(), "piped\(name.count)")
    let begin = { (agent: String) in
      try Program.run(
        "train", "agent", "--method", "bc", "--data", "data", "--output", output, "--config", name,
        in: scratch.url,
        input: Data("worldModel: {model: {depth: 2}}\nagent: {training: {steps: 1}, \(agent)}\n".utf8))
    }
    let refused = try begin("cloning: {bacth: 8}")
    #expect(
      refused.status == 64 && refused.errors.contains(name == "-" ? "standard input" : name)
        && refused.errors.contains("batch"), "\(refused.errors)")
    let begun = try begin("cloning: {batch: 8}")
    #expect(begun.status == 0, "\(begun.errors)")
    let written = String(decoding: try scratch.bytes("\(output)/configuration.yaml"), as: UTF8.self)
    #expect(written.contains("depth: 2\n") && written.contains("batch: 8\n") && written.contains("steps: 1\n"))
  }

  @Test func filmsTheFirstEpisode() throws {
    let scratch = try CommandTests.made.get()
    try Program.succeed(
      "evaluate", "agent", "--environment", "road", "--episodes", "1", "--video", "drive.gif", in: scratch.url)
    #expect(try scratch.bytes("drive.gif").prefix(6) == Data("GIF89a".utf8))
  }

  @Test func plotsWhatRunsLogged() throws {
    let scratch = try CommandTests.made.get()
    try Program.succeed(
      "plot", "both=world,world", "world", "--metric", "loss/image", "--metric", "loss/kl_nats", "--output", "plot.svg",
      in: scratch.url)
    #expect(String(decoding: try scratch.bytes("plot.svg"), as: UTF8.self).hasPrefix("<svg"))
  }

  /// Every method, and rewards and optimisers beside the usual ones, learn something that acts.
  @Test(arguments: [
    "--method bc", "--method dbc --world-model world", "--method dgail --world-model world",
    "--world-model world --reward dot=1,contrast=0.5,airl=0.1",
    "--world-model world --reward nearest --set imitation.policyGradient=reinforce",
    "--world-model world --reward gail=1,airl=1 --set imitation.horizon=3",
    "--world-model world --reward sparse --set imitation.cloningWeight=0 --set imitation.epochs=3",
  ]) func learnsByEveryMethod(words: String) throws {
    let scratch = try CommandTests.made.get()
    let run = "agent-\(UUID().uuidString)"
    let settings = [
      "training.steps=3", "imitation.batch=8", "imitation.horizon=4", "imitation.warmStart.cloningSteps=3",
      "imitation.warmStart.criticSteps=1",
      "cloning.batch=16",
    ].flatMap { ["--set", $0] }
    let command =
      ["train", "agent", "--data", "data", "--use-episodes", "2", "--output", run]
      + words.split(separator: " ").map(String.init)
    let outcome = try Program.start(command + settings, in: scratch.url).wait()
    try #require(outcome.status == 0, "\(outcome.errors)")
    let metrics = String(decoding: try scratch.bytes(run + "/metrics.jsonl"), as: UTF8.self)
    let isCloned = words.contains("bc")
    #expect(
      metrics.contains("validation/agreement")
        && metrics.contains("discriminator/accuracy") == (words.contains("dgail") || words.contains("airl")))
    #expect(
      metrics.contains("actor/clipped_share") == !(isCloned || words.contains("reinforce"))
        && metrics.contains("actor/cloning_loss") == !(isCloned || words.contains("cloningWeight=0")))
    let played = try Program.succeed(
      "evaluate", run, "--environment", "road", "--episodes", "2", "--json", in: scratch.url)
    #expect(played.output.contains("returns"))
  }

  @Test func studiesTheSignalOfRewards() throws {
    struct Study: Decodable {
      struct Signal: Decodable { let reward, actions: String; let mean, separation: [Double] }
      let signals: [Signal]
    }
    let scratch = try CommandTests.made.get()
    let output = try Program.succeed(
      "study", "signal", "--world-model", "world", "--data", "data", "--reward", "dot", "--reward", "airl", "--reward",
      "dot", "--set", "imitation.horizon=4", "--json",
      "--picture", "signal.svg", in: scratch.url
    ).output
    let signals = try JSONDecoder().decode(Study.self, from: Data(output.utf8)).signals
    #expect(signals.map(\.reward) == ["dot", "dot", "dot", "airl", "airl", "airl"])
    #expect(signals.map(\.actions) == ["expert", "dbc", "random", "expert", "dbc", "random"])
    #expect(signals.allSatisfy { $0.mean.count == 4 && $0.separation.allSatisfy { (0...1).contains($0) } })
    #expect(signals[0].separation == [0.5, 0.5, 0.5, 0.5])  // against itself
    #expect(String(decoding: try scratch.bytes("signal.svg"), as: UTF8.self).hasPrefix("<svg"))
  }

  @Test func studiesAWorldModel() throws {
    struct Study: Decodable {
      struct OpenLoop: Decodable { let sequences: [Int]; let error, drift: [Double] }
      let openLoop: OpenLoop
      let coverage: [String: Double]
      let advice: [String]
    }
    let scratch = try CommandTests.made.get()
    let command = [
      "study", "world-model", "--world-model", "world", "--data", "data", "--data", "data", "--expert", "data",
      "--steps", "4",
    ]
    let outcome = try Program.start(command + ["--json", "--picture", "world.svg"], in: scratch.url).wait()
    try #require(outcome.status == 0, "\(outcome.errors)")
    let study = try JSONDecoder().decode(Study.self, from: Data(outcome.output.utf8))
    #expect(study.openLoop.sequences.count == 4 && study.openLoop.error.count == 4 && study.openLoop.drift.count == 4)
    #expect((0...1).contains(try #require(study.coverage["share"])) && !study.advice.isEmpty)
    #expect(outcome.errors.contains("warning: data-v0: the world model was trained on it"))
    #expect(String(decoding: try scratch.bytes("world.svg"), as: UTF8.self).hasPrefix("<svg"))
  }

  @Test func saysWhatItComputesWith() throws {
    let scratch = try CommandTests.made.get()
    #expect(try Program.succeed("bench", in: scratch.url).output.hasPrefix("the CPU, libtorch "))
    let output = try Program.succeed("bench", "--json", in: scratch.url).output
    let facts = try JSONDecoder().decode([String: String].self, from: Data(output.utf8))
    #expect(facts["device"] == "cpu" && facts["deviceFacts"] == "the CPU" && facts["libtorch"]?.isEmpty == false)
  }

  @Test func drawsADream() throws {
    let scratch = try CommandTests.made.get()
    for dtype in ["f32", "bf16"] {
      try Program.succeed(
        "dream", "world", "--data", "data", "--steps", "5", "--dtype", dtype, "--output", "\(dtype).gif",
        in: scratch.url)
      #expect(try scratch.bytes("\(dtype).gif").prefix(6) == Data("GIF89a".utf8))
    }
    #expect(try scratch.bytes("f32.gif") != scratch.bytes("bf16.gif"))
  }

  @Test func cutsEpisodes() throws {
    struct Result: Decodable { let lengths: [Int] }
    let output = try Program.succeed(
      "evaluate", "scripted", "--environment", "road", "--episodes", "2", "--max-steps", "7", "--json",
      in: CommandTests.made.get().url
    ).output
    #expect(try JSONDecoder().decode(Result.self, from: Data(output.utf8)).lengths == [7, 7])
  }

  /// The recordings in whose states dreams begin are the run's too.
  @Test func goesOnWithMixedRecordings() throws {
    let scratch = try CommandTests.made.get()
    try Program.succeed(
      "record", "--environment", "road", "--epsilon", "1", "--episodes", "2", "--output", "random", in: scratch.url)
    let settings = [
      "training.steps=2", "imitation.batch=8", "imitation.horizon=4", "imitation.warmStart.cloningSteps=0",
    ].flatMap { ["--set", $0] }
    let begun = try Program.start(
      [
        "train", "agent", "--method", "dgail", "--world-model", "world", "--data", "data", "--use-episodes", "2",
        "--mixed-data", "random", "--output", "mixed",
      ] + settings,
      in: scratch.url
    ).wait()
    try #require(begun.status == 0, "\(begun.errors)")
    try Program.succeed("train", "agent", "--resume", "--extend", "1", "--output", "mixed", in: scratch.url)
    try FileManager.default.removeItem(at: scratch.url.appending(path: "random"))
    let outcome = try Program.start(
      ["train", "agent", "--resume", "--extend", "1", "--output", "mixed"], in: scratch.url
    ).wait()
    #expect(outcome.status == 65 && outcome.errors.contains("random"), "\(outcome.errors)")
  }
}
