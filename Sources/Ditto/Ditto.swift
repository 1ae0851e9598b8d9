// All of the program for programs that embed it: `import Ditto`.
//
//     let agent = try Agent.load("runs/agent")
//     let action = try agent.act(on: frame)
@_exported import Demonstrations
@_exported import Environments
@_exported import Evaluation
@_exported import Imitation
@_exported import Runs
@_exported import Settings
@_exported import Spaces
@_exported import Studies
@_exported import Torch
@_exported import Training
@_exported import WorldModel
