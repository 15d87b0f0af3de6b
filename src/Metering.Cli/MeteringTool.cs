using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Metering.Core;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>The tool, from its command line to its exit code. Every error is one sentence on the error stream.</summary>
internal static class MeteringTool
{
    // A batch in flight ends well within it, so that Ctrl+C is answered with a sentence.
    private static readonly TimeSpan TimeToStop = TimeSpan.FromSeconds(30);

    /// <summary>Runs one command.</summary>
    /// <param name="args">The command line without the tool's name.</param>
    /// <param name="terminal">Where it writes.</param>
    /// <param name="cancellationToken">Stops the command as Ctrl+C does.</param>
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, ToolTerminal terminal, CancellationToken cancellationToken = default)
    {
        var parsed = CreateRoot(terminal).Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            var command = string.Join(' ', CommandsOf(parsed.CommandResult).Reverse().Prepend("metering"));
            var fault = parsed.UnmatchedTokens is [var unknown, ..] ? $"'{unknown}' is no command or option here" : parsed.Errors[0].Message.TrimEnd('.');
            return await terminal.RefuseAsync($"{WithoutConnections(fault, args.Concat(parsed.UnmatchedTokens))}; see {command} --help.");
        }

        try
        {
            return await parsed.InvokeAsync(
                new()
                {
                    Output = terminal.Output,
                    Error = terminal.Errors,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = TimeToStop,
                },
                cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await terminal.RefuseAsync("Stopped before the end.");
            return ExitCode.Interrupted;
        }
        catch (Exception error) when (error is MeteringStartupException { IsDamage: true } or LedgerFormatException)
        {
            await terminal.RefuseAsync(error.Message);
            return ExitCode.Unsound;
        }
        catch (Exception error) when (IsForPeople(error))
        {
            return await terminal.RefuseAsync(error.Message);
        }
    }

    private static RootCommand CreateRoot(ToolTerminal terminal) => new(
        """
        The tool beside the meter: proves, copies, migrates, archives and backs up ledgers, imports and exports, tends accounts, and
        compares ledgers with the payment provider.

        A store is a data folder (metering-data), a ledger's file (metering.db), or a PostgreSQL connection string
        ("Host=…;Database=…"); sqlite: and postgres: in front of it say which.

        Exit codes: 0 done and sound, 1 damaged or different, 2 cannot run as given, 130 interrupted.
        """)
    {
        VerifyCommand.Create(terminal),
        CopyCommand.Create(terminal),
        BackupCommand.Create(terminal),
        MigrateCommand.Create(terminal),
        ArchiveCommand.Create(terminal),
        ExportCommand.Create(terminal),
        ImportCommand.Create(terminal),
        AccountCommand.Create(terminal),
        ReconcileCommand.Create(terminal),
    };

    /// <summary>The names of a command and of those that it is one of, innermost first; without the tool's own.</summary>
    private static IEnumerable<string> CommandsOf(SymbolResult? result)
    {
        for (; result is CommandResult { Command: not RootCommand } command; result = command.Parent)
        {
            yield return command.Command.Name;
        }
    }

    // In the wrong place, too, a connection string may hold a password.
    private static string WithoutConnections(string sentence, IEnumerable<string> words) =>
        words.Where(PostgreSqlLocation.MayHoldPassword).Aggregate(sentence, static (text, word) => text.Replace(word, "…", StringComparison.Ordinal));

    // What stores say of disks, locks and connections. Anything else is a bug of the tool and shows itself whole.
    private static bool IsForPeople(Exception error) =>
        error is MeteringStartupException or LedgerUnavailableException or LedgerFatalException or LedgerOutcomeUnknownException;
}
