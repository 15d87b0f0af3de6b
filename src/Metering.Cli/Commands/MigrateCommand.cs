using System.CommandLine;

namespace Metering.Cli;

/// <summary><c>metering migrate</c>: brings a store to this build's schema, and says what it did.</summary>
internal static class MigrateCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to migrate; it must not be in use. Make a backup first: an older build cannot read it afterwards.");
        var orleans = new Option<bool>("--orleans") { Description = "Also the tables of a cluster of silos: membership, grain storage, reminders. PostgreSQL only." };
        var command = new Command("migrate", "Bring a store to this build's schema.") { store, orleans };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(terminal, StoreLocation.Parse(parsed.GetRequiredValue(store)), parsed.GetValue(orleans), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, bool orleans, CancellationToken cancellationToken)
    {
        foreach (var line in await location.MigrateAsync(orleans, cancellationToken))
        {
            await terminal.Output.WriteLineAsync(line);
        }

        return ExitCode.Done;
    }
}
