using System.Reflection;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Proof.Tests;

/// <summary>
/// The server with commits that do not wait for the disk, as a process of its own: the proof of power loss must catch it, or it proves
/// nothing. Everything else is what the real server runs.
/// </summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => new MeteringProgram
    {
        Name = "Unsynced",
        Purpose = "The server with synchronous=NORMAL planted.",
        Project = Assembly.GetExecutingAssembly().GetName().Name!,
        DefaultUrl = "http://127.0.0.1:0",
        DefaultData = MeteringConfiguration.DefaultData,
        Introduce = static (_, _) => string.Empty,
        AddServices = services => services.AddSingleton<ILedgerStore>(_ =>
        {
            var store = SqliteLedgerStore.Open(Path.Combine(args[Array.IndexOf(args, "--data") + 1], "metering.db"));
            store.LeaveCommitsUnsynced();
            return store;
        }),
    }.RunAsync(args, Console.Out, Console.Error);
}
