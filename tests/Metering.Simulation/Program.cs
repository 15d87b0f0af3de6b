using Metering.Simulation;

return SimulationCommand.Run(args, Console.Out);
