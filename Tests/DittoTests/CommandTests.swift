import Foundation
import Testing

/// What people meet at the command line.
@Suite struct CommandTests {
  /// A dataset, a world model and an agent, as small as they get, made once.
  static let made: Result<Scratch, any Error> = Result {
    let scratch = try Scratch()
    let sizes = [
      "--set", "model.depth=2", "--set", "model.deterministic=16", "--set", "model.hidden=16", "--set",
      "model.groups=4", "--set", "model.classes=4",
    ]
    try Program.succeed("record", "--environment", "road", "--episodes", "3", "--output", "data", in: scratch.url)
    let world = try Program.start(
      ["train", "world-model", "--data", "data", "--set", "training.steps=2", "--output", "world"] + sizes,
      in: scratch.url
    ).wait()
    try #require(world.status == 0, "\(world.errors)")
    try Program.succeed(
      "train", "agent", "--world-model", "world", "--data", "data", "--set", "training.steps=2", "--set",
      "imitation.batch=8", "--set", "imitation.warmStart.cloningSteps=0", "--output", "agent",
      in: scratch.url)
    return scratch
  }

  /// Arguments, the exit code, and what the one line about it must name.
  @Test(arguments: [
    ("data info nowhere", 65, "nowhere"),
    ("record --environment raod --episodes 1 --output new", 64, "road"),
    ("record --environment road --environment-argument a=1 --episodes 1 --output new", 64, "takes none"),
    ("record --environment gym:CartPole-v1 --policy scripted --episodes 1 --output new", 64, "scripted"),
    ("record --environment road --episodes 1 --output data", 64, "data"),
    ("record --environment road --episodes 1 --output /proc/new", 1, "/proc"),
    ("train world-model --data nowhere --output new", 65, "nowhere"),
    ("train world-model --data data --output new --config tyni", 64, "tiny"),
    ("train world-model --data data --output new --set model.depht=3", 64, "depth"),
    ("train world-model --data data --output new --set model.depth=deep", 64, "model.depth"),
    ("train world-model --data data --output new --set loss.klWeight=.inf", 64, "finite"),
    ("train world-model --data data --output new --set model.hidden=1000000000", 64, "at most 65536"),
    ("dream world --data data --steps 9223372036854775807 --output new", 64, "100000"),
    ("train world-model --data data --output new --set sequences.length=100000", 65, "100000"),
    ("train world-model --data data --output new --device cuda", 64, "cuda"),
    ("dream world --data data --device cuda --output new", 64, "cuda"),
    ("bench parity --device cuda", 64, "docs/gpu.md"),
    ("bench --device cuda", 64, "(libtorch 2."),
    ("train world-model --data data --output new --set loss.fields=[front=2]", 64, "what is seen is observation"),
    (
      "train world-model --data data --output new --set loss.fields=[observation]", 64,
      "'observation', where a field's name"
    ),
    (
      "train world-model --data data --output new --set pipeline.kind=atari", 65,
      "recorded through another pixel pipeline"
    ),
    ("train world-model --data data --output world", 64, "--resume"),
    ("train world-model --resume --output nowhere", 64, "nowhere"),
    ("train agent --world-model nowhere --data data --output new", 64, "nowhere"),
    ("train agent --world-model agent --data data --output new", 64, "world-model"),
    ("train agent --world-model world --data data --use-episodes 9 --output new", 65, "--use-episodes"),
    ("train agent --world-model world --data data --set imitation.horizon=500 --output new", 65, "imitation.horizon"),
    ("train agent --world-model world --data data --reward dots --output new", 64, "contrast"),
    ("train agent --world-model world --data data --reward dot=0 --output new", 64, "imitation.reward.weights"),
    ("train agent --method bc --world-model world --data data --output new", 64, "--world-model"),
    ("train agent --world-model world --data data --output new --set observation.grey=true", 64, "train another"),
    ("train agent --method bc --data data --output new --set observation.resize=[1]", 64, "observation.resize"),
    ("train agent --method dgail --data data --output new", 64, "--world-model"),
    ("train agent --world-model world --data data --method dgail --reward dot --output new", 64, "--method dgail"),
    (
      "train agent --world-model world --data data --method dgail --use-episodes 1 --set imitation.horizon=290 --output new",
      65, "windows"
    ),
    ("train agent --world-model world --data data --mixed-data data --output new", 64, "--method dgail"),
    ("train agent --world-model world --data data --mixed-data nowhere --method dgail --output new", 65, "nowhere"),
    (
      "train agent --world-model world --data data --method dbc --reward nearest --output new", 64,
      "--reward is for ditto and dgail"
    ),
    ("train agent --world-model world --data data --reward dot=1,dot=2 --output new", 64, "dot=1,gail=0.5"),
    (
      "train agent --world-model world --data data --reward dril --set imitation.reward.dril.members=1 --output new",
      64, "at least 2"
    ),
    (
      "train agent --world-model world --data data --reward dril --use-episodes 1 --set imitation.reward.dril.members=99 --output new",
      65, "members"
    ),
    ("evaluate world --environment road", 64, "agent"),
    (
      "evaluate agent --environment gym:CartPole-v1 --episodes 1", 64,
      "1×32×32 uint8 by the pipeline 'road', and 3 actions"
    ),
    ("evaluate agent --environment road --episodes 1 --step 9", 64, "it has 2"),
    ("evaluate agent --environment road --episodes 1 --video lost/drive.gif", 1, "make the folder first"),
    ("report nowhere.json", 65, "No such file"),
    ("report world/run.json", 65, "evaluate the run again"),
    ("report world/run.json --csv lost/table.csv", 1, "lost/table.csv"),
    ("study world-model --world-model world --data data --steps 9223372036854775807", 64, "--steps"),
    ("study world-model --world-model world --data data --steps 301", 65, "--steps"),
    ("study selection world --environment road", 64, "expected 'agent'"),
    ("dream world --data data --episode 99 --output new", 64, "0..<3"),
    ("demo --output data", 64, "holds no demo"),
    ("bench agent --set method=dbc", 64, "dbc"),
    (
      "train world-model --data data --output new --config roda", 64,
      "did you mean 'road'? The presets are atari, authors"
    ),
    ("train world-model --data data --output new --set colour=3", 64, "there are model, loss"),
    ("train agent --world-model world --data data --reward dot= --output new", 64, "dot="),
    ("train agent --world-model world --data data --reward dot --reward l2 --output new", 64, "2 times"),
    ("act nowhere", 64, "nowhere"),
    ("recrod --environment road", 64, "did you mean 'record'?"),
    ("train worldmodel --data data", 64, "did you mean 'world-model'?"),
    ("train", 64, "'ditto train world-model' or 'ditto train agent'"),
    ("record --environment road", 64, "--episodes"),
    ("record --environment road --episodes many --output new", 64, "many"),
    ("data info data --jsn", 64, "--jsn"),
    ("study drift --world-model world", 64, "see 'ditto study drift --help'"),
    ("train world-model --data data --output new --extend 5", 64, "--extend goes with --resume"),
    ("train world-model --data data --output new --from nowhere", 64, "nowhere"),
    ("train world-model --data data --output new --from world --set model.depth=3", 65, "another configuration"),
    ("train --replay world/checkpoints/step-00000002", 64, "failure.json"),
    // What is written says its name, and nothing else.
    ("evaluate agent --environment road --max-steps 0", 64, "--max-steps is 0"),
    ("record --environment road --episodes 1 --output ~/new", 64, "write $HOME"),
    ("record --environment road --episodes 1 --output=~", 64, "write $HOME"),
    ("plot both=world,~/world --metric loss/image --output plot.svg", 64, "write $HOME"),
    ("data info ./a=~/b", 65, "a=~/b: no such folder"),
    ("evaluate agent --environment road --video drive.mp4", 64, "name it .gif or .png"),
    ("dream world --data data --output new.svg", 64, "name it .gif or .png"),
    ("plot world --metric loss/image --output new.png", 64, "name it .svg"),
    ("report world/run.json --csv new.xlsx", 64, "name it .csv"),
    ("report world/run.json --picture new.pdf", 64, "name it .svg"),
    ("study signal --world-model world --data data --picture new.png", 64, "name it .svg"),
    ("train world-model --data data --output new --set sequences.batch=012", 64, "write 12 or 10"),
    (
      "train world-model --data data --output new --dry-run --set sequences.batch=65536 --set sequences.length=512", 1,
      "make sequences.batch or sequences.length smaller"
    ),
    (
      "train agent --world-model world --data data --output new --set imitation.batch=1000000 --set imitation.horizon=10000",
      1, "make imitation.batch"
    ),
    ("plot world --metric lost --output new", 64, "loss/image"),
    ("evaluate agent --environment road --random-steps 9:3", 64, "least:most, such as 0:60"),
    ("study ladder agent --environment road --after 0", 64, "--after is 0"),
    ("export world --output new", 64, "expected 'agent'"),
    ("export agent --output data", 64, "is not empty"),
    ("plot nowhere --metric loss/image --output new", 64, "nowhere"),
    ("bench data --data nowhere", 65, "nowhere"),
    ("study drift agent --world-model world --data data --environment road", 65, "4 are needed"),
    // Before anything is loaded, so also before hours of work.
    ("study signal --world-model nowhere --data nowhere --picture lost/signal.svg", 1, "lost/signal.svg"),
    ("study world-model --world-model nowhere --data nowhere --picture data", 1, "folder"),
  ]) func refusesWithOneLine(command: String, status: Int, names: String) throws {
    let scratch = try Self.made.get()
    let outcome = try Program.start(command.split(separator: " ").map(String.init), in: scratch.url).wait()
    #expect(outcome.status == Int32(status), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(names), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(!scratch.exists("new"))
  }

  /// The program's arguments with what a shell makes of them.
  private func shell(_ command: String) throws -> (status: Int32, errors: String) {
    let (shell, errors) = (Process(), Pipe())
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "\"$0\" \(command)", Program.url.path]
    shell.currentDirectoryURL = try Self.made.get().url
    shell.standardError = errors
    try shell.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    return (shell.terminationStatus, said)
  }

  @Test(arguments: [("> /dev/full", "No space left"), (">&-", "Bad file descriptor")]) func saysThatResultsAreLost(
    output: String, reason: String
  ) throws {
    try (Data("f".utf8) + Data(count: 1024)).write(to: Self.made.get().url.appending(path: "message-\(reason.count)"))
    for command in [
      "data info data", "evaluate random --environment road --episodes 1 --json", "act agent < message-\(reason.count)",
    ] {
      let (status, errors) = try shell("\(command) \(output)")
      #expect(status == 1 && errors.contains("error: /dev/stdout: cannot be written (\(reason)"), "\(errors)")
    }
  }

  @Test func endsQuietlyWhereNobodyReads() throws {
    #expect(try shell("data info data | true") == (0, ""))
  }

  @Test func saysWhatOfItsDataChanged() throws {
    let scratch = try Self.made.get()
    let data = scratch.url.appending(path: "changing")
    let record = { (episodes: Int, seed: Int) in
      try? FileManager.default.removeItem(at: data)
      try Program.succeed(
        "record", "--environment", "road", "--episodes", "\(episodes)", "--seed", "\(seed)", "--output", "changing",
        in: scratch.url)
    }
    try record(2, 0)
    let sizes = [
      "--set", "model.depth=2", "--set", "model.deterministic=16", "--set", "model.hidden=16", "--set",
      "model.groups=4", "--set", "model.classes=4",
    ]
    let begun = try Program.start(
      ["train", "world-model", "--data", "changing", "--set", "training.steps=2", "--output", "changed"] + sizes,
      in: scratch.url
    ).wait()
    try #require(begun.status == 0, "\(begun.errors)")
    for (episodes, seed, difference) in [
      (2, 1, "other pixels, actions, rewards or metadata"),
      (1, 0, "1 episodes of 300 steps, where there were 2 episodes of 600 steps"),
    ] {
      try record(episodes, seed)
      let outcome = try Program.start(["train", "world-model", "--resume", "--output", "changed"], in: scratch.url)
        .wait()
      #expect(
        outcome.status == 65 && outcome.errors.contains("changing: is not what the run began with (\(difference))"),
        "\(outcome.errors)")
    }
  }

  @Test func warnsOfMoreThreadsThanCores() throws {
    let outcome = try Program.start(["act", "agent", "--describe", "--threads", "300"], in: Self.made.get().url).wait()
    #expect(
      outcome.status == 0 && outcome.errors.contains("warning: 300 threads on ")
        && outcome.errors.contains("take at most that many"), "\(outcome.errors)")
  }

  @Test func writesOutControlCharacters() throws {
    let outcome = try Program.start(["data", "info", "red\u{1b}[31m"], in: Self.made.get().url).wait()
    #expect(
      outcome.status == 65 && outcome.errors.contains("red\\u{1b}[31m") && !outcome.errors.contains("\u{1b}"),
      "\(outcome.errors)")
  }

  @Test func refusesAConfigurationThatIsNotTheRuns() throws {
    let scratch = try Self.made.get()
    let (run, dream) = (
      scratch.url.appending(path: "edited"),
      ["dream", "edited", "--data", "data", "--steps", "5", "--output", "edited.gif"]
    )
    try FileManager.default.copyItem(at: scratch.url.appending(path: "world"), to: run)
    let (file, record) = (run.appending(path: "configuration.yaml"), run.appending(path: "run.json"))
    let refusal = { (arguments: [String]) in
      let outcome = try Program.start(arguments, in: scratch.url).wait()
      return "\(outcome.status) \(outcome.errors)"
    }
    try Data(try scratch.bytes("edited/configuration.yaml").prefix(400)).write(to: file)
    for command in [dream, ["train", "world-model", "--resume", "--output", "edited"]] {
      let said = try refusal(command)
      #expect(
        said.hasPrefix("65 error: ") && said.contains("configuration.yaml is not the one that it began with"), "\(said)"
      )
    }
    try FileManager.default.removeItem(at: file)
    let said = try refusal(dream)
    #expect(said.hasPrefix("64 error: ") && said.contains("it has no configuration.yaml"), "\(said)")
    // Runs of earlier versions know no checksum.
    try FileManager.default.copyItem(at: scratch.url.appending(path: "world/configuration.yaml"), to: file)
    let older = String(decoding: try scratch.bytes("edited/run.json"), as: UTF8.self).replacing(
      /"(checksum|configuration)" : "[0-9a-f]+",/, with: "")
    #expect(!older.contains("configuration") && !older.contains("checksum"))
    try Data(older.utf8).write(to: record)
    #expect(try refusal(dream).hasPrefix("0 "))
    for (damaged, text) in [(record, "{"), (run.appending(path: "checkpoints/step-00000002/state.safetensors"), "x")] {
      let whole = try Data(contentsOf: damaged)
      try Data(text.utf8).write(to: damaged)
      #expect(try refusal(dream).hasPrefix("65 error: "))
      try whole.write(to: damaged)
    }
  }

  @Test func warnsOfUnfinishedAgents() throws {
    let scratch = try Self.made.get()
    try FileManager.default.copyItem(at: scratch.url.appending(path: "agent"), to: scratch.url.appending(path: "short"))
    let checkpoints = scratch.url.appending(path: "short/checkpoints")
    try FileManager.default.moveItem(
      at: checkpoints.appending(path: "step-00000002"), to: checkpoints.appending(path: "step-00000001"))
    let manifest = checkpoints.appending(path: "step-00000001/manifest.json")
    let older = try String(contentsOf: manifest, encoding: .utf8).replacing(/"checksum" : .*,\n/, with: "")
    try Data(older.replacing("\"step\" : 2", with: "\"step\" : 1").utf8).write(to: manifest)
    let outcome = try Program.run("evaluate", "short", "--environment", "road", "--episodes", "1", in: scratch.url)
    #expect(outcome.status == 0 && outcome.errors.contains("short: not finished, step 1 of 2"), "\(outcome.errors)")
  }

  @Test func stopsWhileARewardIsFitted() throws {
    let scratch = try Self.made.get()
    let long = ["members=2", "steps=100000"].flatMap { ["--set", "imitation.reward.dril.\($0)"] }
    let (process, wait) = try Program.start(
      ["train", "agent", "--world-model", "world", "--data", "data", "--output", "fitted", "--reward", "dril"] + long,
      in: scratch.url)
    usleep(1_500_000)
    kill(process.processIdentifier, SIGTERM)
    let outcome = try wait()
    #expect(
      outcome.status == 143 && outcome.errors.contains("stopped while rewards were fitted")
        && !scratch.exists("fitted"), "\(outcome.errors)")
  }
}
