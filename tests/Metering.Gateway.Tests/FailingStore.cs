using System.Reflection;

namespace Metering.Gateway.Tests;

/// <summary>A store whose every call ends in the same fault.</summary>
public class FailingStore : DispatchProxy
{
    private Exception fault = new InvalidOperationException("No fault was set.");

    public static TStore Of<TStore>(Exception fault)
        where TStore : class
    {
        var store = Create<TStore, FailingStore>();
        ((FailingStore)(object)store).fault = fault;
        return store;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod?.Name == nameof(IAsyncDisposable.DisposeAsync) ? ValueTask.CompletedTask : throw fault;
}
