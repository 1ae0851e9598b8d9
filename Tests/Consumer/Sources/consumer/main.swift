import Ditto

// Loads the agent in the folder given, and prints what it does on a black frame.
let agent = try Agent.load(CommandLine.arguments[1])
agent.reset()
print(try agent.act(on: [UInt8](repeating: 0, count: agent.observation.frameSize)))
