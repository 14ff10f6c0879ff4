"""stub"""
async def main(every: int = 1) -> list[str]:
    return []
