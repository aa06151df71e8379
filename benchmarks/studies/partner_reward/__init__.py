"""Does an estimate rank what real people got?"""
